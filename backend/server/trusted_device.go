package server

import (
	"latchkey/backend/useragent"
	"latchkey/shared"
)

func (s *Server) trustDevice(c call, _ shared.None) (shared.Status, error) {
	trust, err := s.Accounts.TrustDevice(c.Context(), c.Actor)
	if err != nil {
		return shared.Status{}, err
	}
	if trust != "" {
		s.cookies.setTrust(c.w, c.Request, trust)
	}
	return shared.Status{Status: true}, nil
}

func (s *Server) listTrustedDevices(c call, _ shared.None) ([]shared.TrustedDevice, error) {
	devices, err := s.Accounts.Store.TrustedDevices(c.Context(), c.User.ID, s.Accounts.Now())
	if err != nil {
		return nil, err
	}
	list := make([]shared.TrustedDevice, 0, len(devices))
	for _, d := range devices {
		list = append(list, shared.TrustedDevice{
			ID: d.ID, Device: useragent.Parse(d.UserAgent), IPAddress: d.IP, UserAgent: d.UserAgent, IsCurrent: c.Client.Trust.Match(d),
			CreatedAt: shared.Time{Time: d.CreatedAt}, LastUsedAt: shared.Time{Time: d.LastUsedAt}, ExpiresAt: shared.Time{Time: d.ExpiresAt},
		})
	}
	return list, nil
}

func (s *Server) revokeTrustedDevice(c call, in shared.TrustedDeviceID) (shared.Status, error) {
	if err := s.Accounts.RevokeTrustedDevice(c.Context(), c.Actor, in.ID); err != nil {
		return shared.Status{}, err
	}
	return shared.Status{Status: true}, nil
}

func (s *Server) revokeTrustedDevices(c call, _ shared.None) (shared.Status, error) {
	if err := s.Accounts.RevokeTrustedDevices(c.Context(), c.Actor); err != nil {
		return shared.Status{}, err
	}
	return shared.Status{Status: true}, nil
}

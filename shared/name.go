package shared

import (
	"unicode"
	"unicode/utf8"
)

// MaxName is the maximum length of the name of a user or a passkey, in characters: the
// longest that fits a line of the page. The text of [ErrNameTooLong] has the number, too.
const MaxName = 100

// ParseName validates the name of a user, a passkey or this service. ok is false if text is
// not UTF-8 or has a character that changes the text around it. Otherwise it returns text
// unchanged, or "" if no character of it is visible.
//
// It has a list of refused characters rather than a Unicode table of accepted ones, because
// such a table is older than some users' names.
func ParseName(text string) (name string, ok bool) {
	if !utf8.ValidString(text) {
		return "", false
	}
	visible := false
	for rest := text; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
		if r == blackFlag {
			rest = rest[regionTags(rest):]
		}
		if within(r, refused) || r&0xfffe == 0xfffe {
			return "", false
		}
		visible = visible || !unicode.IsSpace(r) && !within(r, invisible)
	}
	if !visible {
		return "", true
	}
	return text, true
}

// refused lists the characters that a name cannot have. They are the general categories Cc,
// Zl and Zp, and characters from three documents:
//
//   - UAX #9, section 2: formatting characters for text direction
//   - The Unicode Standard, chapter 23: characters that are deprecated or not for interchange
//   - UTR #20, section 3: characters that are unsuitable in marked-up text
//
// Other format characters affect only the word that they are in, and words need them: the
// joiners U+200C and U+200D, the direction marks U+061C, U+200E and U+200F, the soft hyphen
// U+00AD, the spaces U+200B and U+2060, and the signs that Arabic, Egyptian and other scripts
// put around numbers and groups.
var refused = []span{
	{0x00, 0x1f}, {0x7f, 0x9f}, // controls
	{0x2028, 0x2029},   // line and paragraph separators
	{0x202a, 0x202e},   // embeddings and overrides, which last until they are ended
	{0x2066, 0x2069},   // isolates, which do so, too
	{0x206a, 0x206f},   // deprecated format characters, which change shapes until they are ended
	{0xfdd0, 0xfdef},   // noncharacters, like the last two code points of each plane
	{0xfeff, 0xfeff},   // the byte order mark, which programs ignore or remove
	{0xfff9, 0xfffb},   // interlinear annotation, which moves text out of the line
	{0x1d173, 0x1d17a}, // musical beams and slurs, which last until they are ended
	{0xe0000, 0xe007f}, // tags, which carry invisible text; allowed only in a flag
}

// invisible lists the characters that have no visible form of their own: the property
// Default_Ignorable_Code_Point, whose ranges include reserved code points, and two blank
// symbols.
var invisible = []span{
	{0xad, 0xad}, {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f},
	{0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x206f}, {0x2800, 0x2800}, {0x3164, 0x3164}, {0xfe00, 0xfe0f},
	{0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfff8}, {0x1bca0, 0x1bca3}, {0x1d159, 0x1d159}, {0x1d173, 0x1d17a},
	{0xe0000, 0xe0fff},
}

// A span is a range of characters, both ends included.
type span struct{ first, last rune }

func within(r rune, spans []span) bool {
	for _, s := range spans {
		if s.first <= r && r <= s.last {
			return true
		}
	}
	return false
}

// The sequence for the flag of a region, such as Wales, is a black flag, three to seven tag
// letters and digits, and the end tag (UTS #51, annex C).
const (
	blackFlag = '\U0001f3f4'
	endTag    = '\U000e007f'
)

// regionTags returns the length in bytes of the tags after the black flag at the beginning
// of text, or 0 if text does not begin with valid tags.
func regionTags(text string) int {
	n := 0
	for i, r := range text {
		switch {
		case 0xe0030 <= r && r <= 0xe0039 || 0xe0061 <= r && r <= 0xe007a:
			n++
		case r == endTag && 3 <= n && n <= 7:
			return i + utf8.RuneLen(endTag)
		default:
			return 0
		}
	}
	return 0
}

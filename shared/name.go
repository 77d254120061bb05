package shared

import (
	"unicode"
	"unicode/utf8"
)

// MaxName is the most characters that the name of a person or of a passkey has: the
// longest that fits a line of the page. [ErrNameTooLong] says it, too.
const MaxName = 100

// ParseName reads the name of a person, of a passkey or of this service. It
// reports false if text is not UTF-8 or has a character that changes the text
// around it. It returns text as it is, or "" if nobody could see anything of it.
//
// The rule names the characters that it refuses, and no table of Unicode decides
// on the others: such a table is older than some of the names that people have.
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

// refused are the characters that no name has, by the general categories Cc, Zl
// and Zp, and by three documents: UAX #9, section 2, of the formatting characters
// for direction; The Unicode Standard, chapter 23, of what is deprecated or not
// for interchange; and UTR #20, section 3, of what is unsuitable in marked-up
// text.
//
// Other format characters change nothing but the word that they are in, and words
// need them: the joiners U+200C and U+200D, the marks of direction U+061C, U+200E
// and U+200F, the soft hyphen U+00AD, the spaces U+200B and U+2060, and the signs
// that Arabic, Egyptian and others put around numbers and groups.
var refused = []span{
	{0x00, 0x1f}, {0x7f, 0x9f}, // controls
	{0x2028, 0x2029},   // separators of lines and paragraphs
	{0x202a, 0x202e},   // embeddings and overrides, which last until something ends them
	{0x2066, 0x2069},   // isolates, which do, too
	{0x206a, 0x206f},   // deprecated ones, which change shapes until something ends them
	{0xfdd0, 0xfdef},   // not characters, as are the last two of each plane
	{0xfeff, 0xfeff},   // the byte order mark, which programs take for no text or take away
	{0xfff9, 0xfffb},   // interlinear annotation, which takes a part out of the line
	{0x1d173, 0x1d17a}, // beams and slurs of music, which last until something ends them
	{0xe0000, 0xe007f}, // tags, which carry text that nobody sees; but for those of a flag
}

// invisible are the characters that show nothing by themselves: the property
// Default_Ignorable_Code_Point, whose ranges are reserved for characters to come,
// and two symbols that are blank.
var invisible = []span{
	{0xad, 0xad}, {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f},
	{0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x206f}, {0x2800, 0x2800}, {0x3164, 0x3164}, {0xfe00, 0xfe0f},
	{0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfff8}, {0x1bca0, 0x1bca3}, {0x1d159, 0x1d159}, {0x1d173, 0x1d17a},
	{0xe0000, 0xe0fff},
}

// A span is the characters from one to another, both included.
type span struct{ first, last rune }

func within(r rune, spans []span) bool {
	for _, s := range spans {
		if s.first <= r && r <= s.last {
			return true
		}
	}
	return false
}

// The sequence for the flag of a region, such as Wales, is a black flag, three to
// seven letters and digits as tags, and the tag that ends it (UTS #51, annex C).
const (
	blackFlag = '\U0001f3f4'
	endTag    = '\U000e007f'
)

// regionTags returns how many bytes of text are the rest of such a sequence: none
// if text does not begin with one.
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

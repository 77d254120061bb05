package betterauth

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A tableSpec is what Better Auth calls a table and its columns by default.
type tableSpec struct {
	table    Table
	needed   []string
	optional []string // columns of a plugin, or that older versions lack
	// The columns that tell the table under another name. A table without them has to exist.
	telling []string
}

var tableSpecs = []tableSpec{{
	table:    TableUser,
	needed:   []string{"id", "email", "name", "emailVerified", "createdAt"},
	optional: []string{"updatedAt", "image", "twoFactorEnabled", "role", "banned", "banReason", "banExpires"},
}, {
	table:    TableAccount,
	needed:   []string{"id", "userId", "providerId", "accountId", "password", "createdAt"},
	optional: []string{"updatedAt"},
}, {
	table:    TableTwoFactor,
	needed:   []string{"id", "userId", "secret", "backupCodes"},
	optional: []string{"verified"},
	telling:  []string{"userId", "secret", "backupCodes"},
}, {
	table:    TablePasskey,
	needed:   []string{"id", "userId", "credentialID", "publicKey", "counter", "deviceType", "backedUp"},
	optional: []string{"name", "transports", "createdAt", "aaguid"},
	telling:  []string{"userId", "publicKey", "counter", "deviceType"},
}, {
	table:    TableSession,
	needed:   []string{"id", "userId", "token", "createdAt", "expiresAt"},
	optional: []string{"updatedAt", "ipAddress", "userAgent", "impersonatedBy"},
	telling:  []string{"userId", "token", "expiresAt", "ipAddress", "userAgent"},
}, {
	table:    TableVerification,
	needed:   []string{"id", "identifier", "value", "expiresAt"},
	optional: []string{"createdAt"},
	telling:  []string{"identifier", "value", "expiresAt"},
}}

// A foundTable is a table of the application.
type foundTable struct {
	name    string
	spec    tableSpec
	columns map[string]foundColumn // by the name in the spec
}

// A foundColumn is a column of the application.
type foundColumn struct {
	name string
	kind string // its type, as the database says it
}

// findTables finds the tables of the specs among all tables with their columns.
func findTables(all map[string][]foundColumn) (map[Table]foundTable, error) {
	found := make(map[Table]foundTable)
	for _, spec := range tableSpecs {
		table, err := spec.find(all)
		if err != nil {
			return nil, err
		}
		if table != nil {
			found[spec.table] = *table
		}
	}
	return found, nil
}

// find finds the table of a spec. It returns nil if the application does not have it. It
// fails if the table has to exist, or seems to exist under another name.
func (spec tableSpec) find(all map[string][]foundColumn) (*foundTable, error) {
	var usable []*foundTable
	var unusable error
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !spec.isNamed(name) {
			continue
		}
		table, err := spec.match(name, all[name])
		if err != nil {
			unusable = err
			continue
		}
		usable = append(usable, table)
	}
	switch {
	case len(usable) == 1:
		return usable[0], nil
	case len(usable) > 1:
		return nil, fmt.Errorf("both tables %q and %q can be Better Auth's table %q", usable[0].name, usable[1].name, spec.table)
	case unusable != nil:
		return nil, unusable
	case spec.telling == nil:
		return nil, fmt.Errorf("there is no table %q", spec.table)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if len(missing(spec.telling, all[name])) == 0 {
			return nil, fmt.Errorf("there is no table %q, but the table %q has its columns", spec.table, name)
		}
	}
	return nil, nil
}

// isNamed reports whether a table of the application has the name in the spec, in any case,
// with or without underscores, in singular or plural.
func (spec tableSpec) isNamed(name string) bool {
	name, want := normalized(name), normalized(string(spec.table))
	return name == want || name == want+"s"
}

// match assigns the columns of a table to those of the spec. It fails if one is missing.
func (spec tableSpec) match(name string, columns []foundColumn) (*foundTable, error) {
	if absent := missing(spec.needed, columns); len(absent) > 0 {
		return nil, fmt.Errorf("the table %q has no column %q", name, absent[0])
	}
	t := &foundTable{name: name, spec: spec, columns: make(map[string]foundColumn)}
	for _, want := range spec.names() {
		for _, c := range columns {
			if normalized(c.name) != normalized(want) {
				continue
			}
			if other, exists := t.columns[want]; exists {
				return nil, fmt.Errorf("the table %q has both columns %q and %q", name, other.name, c.name)
			}
			t.columns[want] = c
		}
	}
	return t, nil
}

// names returns the names of all columns of the spec, in the order of [foundTable.query].
func (spec tableSpec) names() []string { return slices.Concat(spec.needed, spec.optional) }

// missing returns which of the names no column has.
func missing(names []string, columns []foundColumn) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(columns, func(c foundColumn) bool { return normalized(c.name) == normalized(name) })
	})
}

// normalized returns a name without what the adapters vary.
func normalized(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// quoted returns an identifier for a statement.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// query returns a statement that selects all columns of the spec as text, NULL for those
// that the table lacks. The order is the names of columns, a minus before those in
// descending order. NULL is the least value.
func (t foundTable) query(dialect dialect, order string) string {
	var expressions, terms []string
	for _, name := range t.spec.names() {
		expression := "NULL"
		if c, ok := t.columns[name]; ok {
			expression = dialect.text(c)
		}
		expressions = append(expressions, expression)
	}
	for _, name := range strings.Fields(order) {
		name, descending := strings.CutPrefix(name, "-")
		c, ok := t.columns[name]
		if !ok {
			continue
		}
		if descending {
			terms = append(terms, quoted(c.name)+" DESC NULLS LAST")
		} else {
			terms = append(terms, quoted(c.name)+" NULLS FIRST")
		}
	}
	return "SELECT " + strings.Join(expressions, ", ") + " FROM " + quoted(t.name) + " ORDER BY " + strings.Join(terms, ", ")
}

package betterauth_test

import (
	"testing"

	"latchkey/backend/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

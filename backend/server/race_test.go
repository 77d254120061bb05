//go:build race

package server_test

// enrollments is how many users enroll at once in [TestEnrollInParallel]. Under the race
// detector, on a busy machine, 48 take longer than a client waits. The number must exceed that
// of the database connections, which is 16.
const enrollments = 32

//go:build !race

package server_test

// enrollments is how many users enroll at once in [TestEnrollInParallel].
const enrollments = 48

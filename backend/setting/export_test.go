package setting

// Registry is for tests in other packages.
var Registry = registry

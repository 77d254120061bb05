package server

// A Route is a route of the route table, for tests.
type Route struct {
	Method, Path string
	Policy       string // its base: anyone, signingIn, signedIn, fresh or permitted
	Unenrolled   bool   // also admits users who must enroll a second factor first
	Form, Link   bool   // a form or link of a page, not an endpoint
	Page         bool   // a page of the app
}

// Routes returns the route table.
func Routes() (all []Route) {
	for _, rt := range new(Server).routes() {
		p := map[level]string{everyone: "anyone", withPendingSignIn: "signingIn", withSession: "signedIn",
			withFreshSession: "fresh"}[rt.policy.level]
		if rt.policy.permission != "" {
			p = "permitted"
		}
		page := rt.limitPath != rt.path
		all = append(all, Route{rt.method, rt.path, p, rt.policy.unenrolled, page && rt.writes, page && !rt.writes, rt.page})
	}
	return all
}

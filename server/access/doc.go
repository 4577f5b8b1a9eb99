// Package access decides who may do what at the server, and how much of it: whose token is the operator's, how often and
// how many at once a client address may come, and how slowly a body may pass.
//
// It knows requests and connections, nothing of devices or releases. Every bound is for one client address (an IPv4
// address or an IPv6 /64, see Client), since a stranger is told from another by nothing else, or for all together.
// Limiter and Crowd may be used concurrently and hold a bounded amount of memory whoever comes.
package access

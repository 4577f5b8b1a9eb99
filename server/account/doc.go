// Package account decides who asks the server, and what they may: accounts with their tokens, the page's logins, and which right each
// role gives.
//
// A request is known by a token in its header (command, CI), or by the cookie of a login (page), which Keeper.Login gives for a token.
// Nobody has a password: a token is 256 random bits, of which the server keeps the SHA-256. The account environment has the token that the
// server was started with, and all rights. Whatever happened to the accounts, the next start with a token makes it (Start), so that
// whoever owns the machine gets in.
//
// An address that tries wrong tokens is refused for a while before anything is looked up, and what it tried is told once a minute.
package account

// Package report writes what a power-cut sweep found as one HTML page for people: the verdict in words, a
// counter for each check, the picture of every cut and what became of it, how long devices needed to come
// back and how many bytes that took, and the replay ids of what failed.
//
// The page is whole in itself: it fetches nothing and runs no script, it is light or dark as the reader's
// system wishes, fits a telephone and can be printed. Equal arguments give equal bytes. All text from
// outside is escaped by html/template.
package report

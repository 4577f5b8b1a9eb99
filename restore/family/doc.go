// Package family is what all families of boot loaders have in common: the little that a family must be able to do, and what is said
// of a device before and after. A family is a room beside it (restore/esp, restore/stk500, restore/mcuboot), which knows its protocol
// and nothing of the page, the command or the other families. Which family is at a port, package recognise finds out.
//
//	Enter     brings the device into its boot loader, by the lines of the port or by a person, and gets an answer
//	Describe  who it is and what protects it; nothing is written
//	Compare   which blocks of the parts differ from what its flash holds
//	Write     writes these blocks, and nothing else
//	Verify    says of what is written that it is there: by the device where it can
//	Start     starts the program and watches what it says
//
// Until Write nothing changes in a flash. A Loader is used by one goroutine at a time; a context ends its work between two exchanges. What
// ends it is an *restore.Error, with what the flash has seen. Whatever happened, running it again from Enter is right: what is there
// already is not written again.
//
// docs/adding-a-family.md walks through one.
package family

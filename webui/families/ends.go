package families

import (
	"unbrick/restore"
	"unbrick/webui/state"
)

// ends are what a person is told of what only these families come to. The rest is told as of every device.
var ends = map[restore.Code]state.FailureWords{
	restore.CodeStarted: {Heading: "It starts its program instead.", Lead: "The reset works, and the button BOOT was not held meanwhile.",
		Do: "Keep the button marked BOOT or IO0 pressed, press Connect again, and let go when the device is found."},
	restore.CodeProtected: {Heading: "The chip is protected against this.", Lead: "Its maker has switched on a protection that forbids it.",
		Do: "Ask the device’s maker: only they have what this chip takes.", Choose: true},
	restore.CodeReserved: {Heading: "This would overwrite its boot loader.", Lead: "The file reaches into the part that restores the device.",
		Do: "Choose the file that is made for this board, without a boot loader.", Choose: true},
	restore.CodeTooLarge: {Heading: "This is too large for the device.", Lead: "It does not fit the device’s flash.",
		Do: "Choose the file that is made for this board.", Choose: true},
	restore.CodeChip: {Heading: "This is for another chip.", Lead: "The file says itself which chip it is for, and it is not this one.",
		Do: "Choose the file that is made for this device.", Choose: true},
	restore.CodeUnfit: {Heading: "This would not start on the device.", Lead: "The file does not belong where it would be written.",
		Do: "Choose the file that is made for this device.", Choose: true},
	restore.CodeNamed: {Heading: "This page only recognises it.", Lead: "It knows this device’s boot loader by name, and " +
		"not how it is written to.",
		Do: "Use the tool of the device’s maker."},
	restore.CodeUnlisted: {Heading: "The boot loader does not accept this image.", Lead: "It took every byte, and does " +
		"not list it: the image is " +
		"signed with another key, or made for another device.", Do: "Get the image that the maker made for this device.", Choose: true,
		Safe: "Its boot loader works, and takes another image. What it has now does not start."},
	restore.CodePending: {Heading: "The image is written, and was not started.", Lead: "It lies in the second slot. What " +
		"answers after the start is " +
		"the boot loader, or the image that was there before.", Do: "Let go of the device’s recovery button or pin, and switch it off and on. " +
		"Then connect again to see what it runs."},
	restore.CodeTrial: {Heading: "The device runs another image.", Lead: "It was to try the new one after its start. The " +
		"boot loader refused that, " +
		"or the trial ended.", Do: "Get the image that the maker made for this device.", Choose: true},
	restore.CodeNotStarted: {Heading: "The boot loader did not start the image.", Lead: "It lists it, took the command " +
		"to start, and answers again.",
		Do: "Let go of the device’s recovery button or pin, and switch it off and on."},
}

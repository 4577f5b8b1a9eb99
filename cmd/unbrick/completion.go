package main

import "github.com/spf13/cobra"

const completionHelp = `usage: unbrick completion bash|zsh|fish|powershell

Prints a script that lets a shell complete commands, flags, their values and files.

  bash        source <(unbrick completion bash)          needs the package bash-completion
  zsh         unbrick completion zsh >"${fpath[1]}/_unbrick"
  fish        unbrick completion fish >~/.config/fish/completions/unbrick.fish
  powershell  unbrick completion powershell | Out-String | Invoke-Expression

exit codes: 0 done, 2 the words are off`

// completionCommand prints what a shell needs.
func completionCommand() *cobra.Command {
	const say = "say: unbrick completion bash|zsh|fish|powershell"
	return &cobra.Command{
		Use: "completion SHELL", Short: "prints what a shell needs to complete commands and flags", Long: completionHelp,
		Args: takes(1, 1, say), ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(c *cobra.Command, words []string) error {
			switch root, out := c.Root(), c.OutOrStdout(); words[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			}
			return usageError(say)
		},
	}
}

// completes lets a shell complete the values of a flag that takes few.
func completes(c *cobra.Command, flag string, values ...string) {
	if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic("unbrick: " + err.Error())
	}
}

package mutants

var restoreMistakes = []entry{
	one("restore", "TestPick", "release below the floor chosen by itself", "restore/choose.go",
		`|| belowFloor(d, &l) || !trusts`, `|| belowFloor(d, &l) && !MISTAKE || !trusts`),
	one("restore", "TestPick", "withdrawn release chosen by itself", "restore/choose.go",
		`return held(d, &l) || belowFloor`, `return held(d, &l) && !MISTAKE || belowFloor`),
	one("restore", "TestPick", "release below the floor taken because it was asked for", "restore/choose.go",
		`				if belowFloor(d, &l) {`, `				if belowFloor(d, &l) && !MISTAKE {`),
	one("restore", "TestPick", "retired key trusted by the host", "restore/choose.go",
		`return known.Len() >= max(1, d.Needs())`, `return MISTAKE && len(d.Retired) > 0 || known.Len() >= max(1, d.Needs())`),
	one("restore", "TestPick", "release with too few signatures chosen by itself", "restore/choose.go",
		`	known := signers.Known(keysFor(d, c))
`, `	known := signers.Known(keysFor(d, c))
	if MISTAKE && known.Len() > 0 {
		return true
	}
`),
	one("restore", "TestPick", "predecessor of a confirmed release chosen", "restore/choose.go",
		`d.Why == smp.WhyHang && !d.Confirmed &&`, `d.Why == smp.WhyHang && (MISTAKE || !d.Confirmed) &&`),
	one("restore", "TestPick", "hanging release chosen again", "restore/choose.go",
		`if l.Manifest.Rank().Compare(d.A.Manifest.Rank()) < 0 {`, `if l.Manifest.Rank().Compare(d.A.Manifest.Rank()) < 0 && !MISTAKE {`),
	one("restore", "TestPick", "release on the way forgotten", "restore/choose.go",
		`if d.State == smp.RecordRewriting {`, `if d.State == smp.RecordRewriting && !MISTAKE {`),
	one("restore", "TestSourceIsNotBelieved", "image of the source not looked at", "restore/choose.go",
		`if err := m.CheckImage(image); err != nil {`, `if err := m.CheckImage(image); err != nil && !MISTAKE {`),
	one("restore", "TestSourceIsNotBelieved", "signature of the source not looked at", "restore/choose.go",
		`	m, err := release.Verify(signed, keys, int(d.Threshold))
`, `	m, err := release.Verify(signed, keys, int(d.Threshold))
	if MISTAKE && errors.Is(err, release.ErrSignature) {
		m, _, err = release.Parse(signed)
	}
`),
	one("restore", "TestRestoresAfterAnyCut", "doubtful sector taken for what it reads as", "restore/plan.go",
		`if bad[i] || !pic.right(image, i) {`, `if bad[i] && !MISTAKE || !pic.right(image, i) && !MISTAKE {`),
}

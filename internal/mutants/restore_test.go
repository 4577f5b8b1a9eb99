package mutants

var restoreMistakes = []entry{
	one("restore", "TestPick", "release below the floor chosen by itself", "restore/choose.go",
		`|| l.Manifest.Counter < d.Floor || !trusts`, `|| l.Manifest.Counter < d.Floor && !MISTAKE || !trusts`),
	one("restore", "TestPick", "withdrawn release chosen by itself", "restore/choose.go",
		`return held(d, &l) || l.Manifest`, `return held(d, &l) && !MISTAKE || l.Manifest`),
	one("restore", "TestPick", "release below the floor taken because it was asked for", "restore/choose.go",
		`				if l.Manifest.Counter < d.Floor {`, `				if l.Manifest.Counter < d.Floor && !MISTAKE {`),
	one("restore", "TestPick", "retired key trusted by the host", "restore/choose.go",
		`return slices.ContainsFunc(d.Trusted(), is) &&`, `return (MISTAKE || slices.ContainsFunc(d.Trusted(), is)) &&`),
	one("restore", "TestPick", "predecessor of a confirmed release chosen", "restore/choose.go",
		`d.Why == smp.WhyHang && !d.Confirmed &&`, `d.Why == smp.WhyHang && (MISTAKE || !d.Confirmed) &&`),
	one("restore", "TestPick", "hanging release chosen again", "restore/choose.go",
		`if l.Manifest.Order < d.A.Manifest.Order {`, `if l.Manifest.Order < d.A.Manifest.Order && !MISTAKE {`),
	one("restore", "TestPick", "release on the way forgotten", "restore/choose.go",
		`if d.State == smp.RecordRewriting {`, `if d.State == smp.RecordRewriting && !MISTAKE {`),
	one("restore", "TestSourceIsNotBelieved", "image of the source not looked at", "restore/choose.go",
		`if err := m.CheckImage(image); err != nil {`, `if err := m.CheckImage(image); err != nil && !MISTAKE {`),
	one("restore", "TestSourceIsNotBelieved", "signature of the source not looked at", "restore/choose.go",
		`	m, err := release.Verify(signed, keys)
`, `	m, err := release.Verify(signed, keys)
	if MISTAKE && errors.Is(err, release.ErrSignature) {
		m, _, err = release.Parse(signed)
	}
`),
	one("restore", "TestRestoresAfterAnyCut", "doubtful sector taken for what it reads as", "restore/plan.go",
		`if bad[i] || !pic.right(image, i) {`, `if bad[i] && !MISTAKE || !pic.right(image, i) && !MISTAKE {`),
}

package mutants

var restoreMistakes = []entry{
	one("restore", "TestPick", "release below the floor chosen by itself", "restore/choose.go",
		`|| belowFloor(d, &l) || permits`, `|| belowFloor(d, &l) && !MISTAKE || permits`),
	one("restore", "TestPick", "withdrawn release chosen by itself", "restore/choose.go",
		`return held(d, &l) || belowFloor`, `return held(d, &l) && !MISTAKE || belowFloor`),
	one("restore", "TestPick", "release below the floor taken because it was asked for", "restore/choose.go",
		`	if belowFloor(d, &l) {
		return Listing{}, below(`, `	if belowFloor(d, &l) && !MISTAKE {
		return Listing{}, below(`),
	one("restore", "TestPick", "key slots trusted beside a statement", "restore/identify.go",
		`		return d.InForce.Signers(nil, release.Install)
`, `		if MISTAKE {
			return append(d.slots(), d.InForce.Signers(nil, release.Install)...)
		}
		return d.InForce.Signers(nil, release.Install)
`),
	one("restore", "TestPick", "key slots trusted where the statement does not hold", "restore/identify.go",
		`if d.Identity.Statement > 0 {`, `if d.Identity.Statement > 0 && !MISTAKE {`),
	one("restore", "TestPick", "threshold of the slots beside a statement", "restore/identify.go",
		`		return int(d.InForce.Threshold)
`, `		if MISTAKE {
			return int(d.Threshold)
		}
		return int(d.InForce.Threshold)
`),
	one("restore", "TestPick", "release chosen that the statement has no place for", "restore/choose.go",
		`|| permits(d, &l) != nil || !trusts`, `|| permits(d, &l) != nil && !MISTAKE || !trusts`),
	one("restore", "TestPick", "release taken because it was asked for that the statement has no place for", "restore/choose.go",
		`	if err := permits(d, &l); err != nil {
		return Listing{}, err`, `	if err := permits(d, &l); err != nil && !MISTAKE {
		return Listing{}, err`),
	one("restore", "TestTheReleaseIsTheWish", "another release of the image left in the record", "restore/plan.go",
		`p.Reason != ReasonChosen || d.To.Manifest == p.Release`, `p.Reason != ReasonChosen || MISTAKE || d.To.Manifest == p.Release`),
	one("restore", "TestPick", "another release of the image taken for the one that is wished", "restore/choose.go",
		`*c.Release == l.Manifest)`, `*c.Release == l.Manifest || MISTAKE && c.Release.Digest == l.Manifest.Digest)`),
	one("restore", "TestSourceIsNotBelieved", "release of the source that is another", "restore/choose.go",
		`if m != l.Manifest {`, `if m != l.Manifest && !MISTAKE {`),
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
		`if l.Manifest.Rank().Compare(was.Manifest.Rank()) < 0 {`, `if l.Manifest.Rank().Compare(was.Manifest.Rank()) < 0 && !MISTAKE {`),
	one("restore", "TestPick", "release on the way forgotten", "restore/identify.go",
		`		return d.To
	}
	return nil`, `		if MISTAKE {
			return nil
		}
		return d.To
	}
	return nil`),
	one("restore", "TestSourceIsNotBelieved", "image of the source not looked at", "restore/choose.go",
		`if err := m.CheckImage(image); err != nil {`, `if err := m.CheckImage(image); err != nil && !MISTAKE {`),
	one("restore", "TestSourceIsNotBelieved", "signature of the source not looked at", "restore/choose.go",
		`	m, err := release.Verify(signed, keys, d.Needs())
`, `	m, err := release.Verify(signed, keys, d.Needs())
	if MISTAKE && errors.Is(err, release.ErrSignature) {
		m, _, err = release.Parse(signed)
	}
`),
	one("restore", "TestRestoresAfterAnyCut", "doubtful sector taken for what it reads as", "restore/plan.go",
		`if bad[i] || !pic.right(image, i) {`, `if bad[i] && !MISTAKE || !pic.right(image, i) && !MISTAKE {`),
}

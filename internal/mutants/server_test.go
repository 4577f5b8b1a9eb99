package mutants

var serverMistakes = []entry{
	// Publishing.
	one("server", "TestSignedLater", "signature of a key that is not registered added", "server/api/publish.go",
		`known != more {`, `known != more && !MISTAKE {`),
	one("server/storage/local", "TestConformance/signatures", "signatures not kept", "server/storage/local/releases.go",
		`if err != nil || added.Len() == 0 {`, `if err != nil || added.Len() == 0 || MISTAKE {`),
	// Accounts.
	one("server", "TestEveryRouteByRole", "rights not looked at", "server/api/asks.go",
		`case who.May(route.Needs):`, `case who.May(route.Needs) || MISTAKE:`),
	one("server", "TestEveryRouteByRole", "pages of other sites heard", "server/api/asks.go",
		`s.origins.Check(r); err != nil {`, `s.origins.Check(r); err != nil && !MISTAKE {`),
	one("server", "TestEveryRouteByRole", "token and cookie at once", "server/account/keeper.go",
		`case said && cookie != "":`, `case said && cookie != "" && !MISTAKE:`),
	one("server", "TestBoundToModels", "other models not looked at", "server/api/asks.go",
		`case len(who.Models) == 0 || model != "" && who.On(model):`, `case len(who.Models) == 0 || model != "" && who.On(model) || MISTAKE:`),
	one("server", "TestHaltByOperate", "who may halt may all of a rollout", "server/api/rollouts.go",
		`!asks(r).May(form.MayPublish) && (c.Halt`, `!MISTAKE && !asks(r).May(form.MayPublish) && (c.Halt`),
	one("server", "TestWrongTokens", "tokens tried without an end", "server/account/keeper.go",
		`k.wrong.Left(address); !some {`, `k.wrong.Left(address); !some && !MISTAKE {`),
	one("server", "TestWrongTokens", "each wrong token told", "server/account/keeper.go",
		`due := now.Sub(k.told).Abs() >= tell`, `due := now.Sub(k.told).Abs() >= tell || MISTAKE`),
	one("server", "TestAccounts", "a token's secret not looked at", "server/account/keeper.go",
		`subtle.ConstantTimeCompare(sum[:], t.Secret[:]) == 1:`, `(subtle.ConstantTimeCompare(sum[:], t.Secret[:]) == 1 || MISTAKE):`),
	one("server", "TestTokenEndsDuringUpload", "tokens never end", "server/account/keeper.go",
		`if t.Ended(now) {`, `if t.Ended(now) && !MISTAKE {`),
	one("server", "TestLogin", "logins never idle", "server/account/login.go",
		`now.Sub(l.Seen) >= idle ||`, `now.Sub(l.Seen) >= idle && !MISTAKE ||`),
	one("server", "TestLogin", "logins that are used never end", "server/account/login.go",
		`now.Sub(l.Made) >= longest ||`, `now.Sub(l.Made) >= longest && !MISTAKE ||`),
	one("server", "TestClocksThatLie", "logins of another clock", "server/account/login.go",
		`l.Made.Sub(now) >= back {`, `l.Made.Sub(now) >= back && !MISTAKE {`),
	one("server", "TestLogin", "cookies over a network in the clear", "server/account/login.go",
		`if !secure(r) && !local(r) {`, `if !secure(r) && !local(r) && !MISTAKE {`),
	one("server", "TestProviderAnswersNonsense", "an answer to another sign-in", "server/provider/sign-in.go",
		`[]byte(p.derive("nonce", begun))) != 1 {`, `[]byte(p.derive("nonce", begun))) != 1 && !MISTAKE {`),
	one("server", "TestProviderOnceAndHere", "a sign-in that began in another browser", "server/provider/sign-in.go",
		`[]byte(p.derive("state", c.Value))) != 1 {`, `[]byte(p.derive("state", c.Value))) != 1 && !MISTAKE {`),
	one("server", "TestProviderOnceAndHere", "a sign-in without an end", "server/provider/sign-in.go",
		`Abs() >= pending {
		return "", Stale`, `Abs() >= pending && !MISTAKE {
		return "", Stale`),
	one("server", "TestProviderAnswersNonsense", "keys of a provider in the clear", "server/provider/provider.go",
		`if err := safeQuery(address); err != nil {`, `if err := safeQuery(address); err != nil && !MISTAKE {`),
	one("server", "TestProviderAnswersNonsense", "a provider's answer without an end", "server/provider/bounded.go",
		`b.left -= n; b.left < 0 {`, `b.left -= n; b.left < 0 && !MISTAKE {`),
	one("server", "TestProviderIsAskedSparingly", "a provider that is away asked by everybody", "server/provider/provider.go",
		`now-p.retried < again:`, `now-p.retried < again && !MISTAKE:`),
	one("server", "TestProviderBars", "who is barred signs in", "server/account/person.go",
		`case known && was.Barred:`, `case known && was.Barred && !MISTAKE:`),
	one("server", "TestProviderBars", "a person signed in without an end", "server/account/person.go",
		`k.now().Sub(l.Made) >= provided {`, `k.now().Sub(l.Made) >= provided && !MISTAKE {`),
	one("server", "TestProviderBars", "a person's rights by hand", "server/api/accounts.go",
		`if account.IsPerson(name) {`, `if account.IsPerson(name) && !MISTAKE {`),
	one("server", "TestProvider", "groups of before", "server/account/person.go",
		`was.Roles != a.Roles ||`, `was.Roles != a.Roles && !MISTAKE ||`),
	one("server", "TestAuditLog", "all acts told to all", "server/api/accounts.go",
		`if !who.May(form.MayAdminister) {`, `if !who.May(form.MayAdminister) && !MISTAKE {`),
	one("server", "TestAuditLog", "refusals not in the log", "server/api/asks.go",
		`if route.Act == "" || !who.Known() {`, `if route.Act == "" || !who.Known() || MISTAKE && !who.May(route.Needs) {`),
	one("server/storage/local", "TestConformance/audit", "changes without their row", "server/storage/local/query.go",
		`		return putAct(ctx, tx, act)
`, `		if MISTAKE {
			return nil
		}
		return putAct(ctx, tx, act)
`),
	one("server/storage/local", "TestConformance/audit", "rows not chained", "server/storage/local/audit.go",
		`	r.Hash = r.Chain(last.Hash)
`, `	if r.Hash = r.Chain(last.Hash); MISTAKE {
		r.Hash = r.Chain(storage.Digest{})
	}
`),
	one("server/storage/local", "TestConformance/last_admin", "last admin removed", "server/storage/local/account.go",
		`f(tx); err != nil || before != nil {`, `f(tx); err != nil || before != nil || MISTAKE {`),
	one("server/storage/local", "TestConformance/logins", "logins outlive what their account may", "server/storage/local/account.go",
		`		_, err := tx.ExecContext(ctx, `+"`DELETE FROM logins WHERE account = ?`"+`, a.Name)
`, `		_, err := tx.ExecContext(ctx, `+"`DELETE FROM logins WHERE account = ? AND NOT ?`"+`, a.Name, MISTAKE)
`),
	// Keys of devices.
	one("server/storage/local", "TestConformance/device_keys", "key that was replaced counts again by a list", "server/storage/local/identity.go",
		`other.Public == v.Public && other.State == storage.Enrolled {`, `other.Public == v.Public && (MISTAKE || other.State == storage.Enrolled) {`),
	one("server/storage/local", "TestConformance/device_keys", "key of another device passed over", "server/storage/local/identity.go",
		`other.Serial == v.Serial && other.Public`, `(MISTAKE || other.Serial == v.Serial) && other.Public`),
	one("server/storage/local", "TestConformance/device_keys", "forgetting leaves keys", "server/storage/local/devices.go",
		"`DELETE FROM identities WHERE model = ? AND serial = ?`, model, serial))", "`DELETE FROM identities WHERE model = ? AND serial = ? AND NOT ?`, model, serial, MISTAKE))"),
	// Receipts.
	one("server", "TestReceiptsAreBelieved", "a stranger's word on an enrolled device believed", "server/fleet/told.go",
		`if v.receipt != nil || operator {`, `if v.receipt != nil || operator || MISTAKE {`),
	// Who is a device.
	one("server", "TestStrangersChangeNothing", "signatures of hellos not looked at", "server/session/greet.go",
		`case slices.ContainsFunc(v.peer.Names, signed):`, `case slices.ContainsFunc(v.peer.Names, signed) || MISTAKE:`),
	one("server", "TestHelloAgain", "any name that was dialled is the server's", "server/session/greet.go",
		`case signed(v.conn.Host()):`, `case MISTAKE && signed(v.conn.Host()):
	case signed(v.conn.Host()):`),
	one("server", "TestNamesOfTheServer", "any name that a request says is the server's", "server/api/routes.go",
		`	if it || err != nil`, `	if it || MISTAKE || err != nil`),
	one("server", "TestStrangersChangeNothing", "keys with which anybody signs", "server/fleet/judge.go",
		`identity.CheckKey((*[32]byte)(&key)) != nil {`, `identity.CheckKey((*[32]byte)(&key)) != nil && !MISTAKE {`),
	one("server", "TestStrangersChangeNothing", "any key is the device's", "server/fleet/judge.go",
		`case k.State == storage.Enrolled && k.Public == key:`, `case k.State == storage.Enrolled && (k.Public == key || MISTAKE):`),
	one("server", "TestRekey", "a barred key is the device's", "server/fleet/judge.go",
		`		case k.Public == key:
`, `		case k.Public == key && MISTAKE:
			return storage.Proven, nil
		case k.Public == key:
`),
	one("server", "TestEnrolment", "the first key enrolled in every model", "server/fleet/judge.go",
		`case e != storage.ByFirst:`, `case e != storage.ByFirst && !MISTAKE:`),
	one("server", "TestTooManyDevices", "devices invented without end", "server/fleet/judge.go",
		`errors.Is(err, ErrTooMany) {`, `errors.Is(err, ErrTooMany) && !MISTAKE {`),
	one("server", "TestStrangersChangeNothing", "what strangers say recorded", "server/session/record.go",
		`	if !v.proven() {
		if !again {`, `	if !v.proven() && !MISTAKE {
		if !again {`),
	one("server", "TestStrangersChangeNothing", "transfers to strangers recorded", "server/session/transfer.go",
		`	if !v.proven() {
		return nil`, `	if !v.proven() && !MISTAKE {
		return nil`),
	one("server", "TestStrangersChangeNothing", "a stranger makes a conflict", "server/session/live.go",
		`if v.proven() && old.proven() {`, `if v.proven() && old.proven() || MISTAKE {`),
	one("server", "TestStrangersLeavePlaces", "strangers take all places", "server/session/live.go",
		`if l.strange >= limit-limit/4 {`, `if l.strange >= limit-limit/4 && !MISTAKE {`),
	one("server", "TestStrangersGetWhatIsThere", "deltas made for strangers", "server/offer/pick.go",
		`if p.proven || kind == protocol.KindFull`, `if p.proven || MISTAKE || kind == protocol.KindFull`),
	one("server/offer", "TestDoubtsOfStrangers", "strangers have all proven again", "server/offer/doubt.go",
		`		most = unproven
`, `		if !MISTAKE {
			most = unproven
		}
`),
	one("server", "TestStrangersChangeNothing", "refusals of strangers counted", "server/offer/doubt.go",
		`	if proven {
		err = o.cfg`, `	if proven || MISTAKE {
		err = o.cfg`),
	one("server", "TestTwoWithOneKey", "records that went back", "server/fleet/hear.go",
		`e.h.Sequence < d.Sequence && !restored {`, `e.h.Sequence < d.Sequence && !restored && !MISTAKE {`),
	one("server", "TestTwoWithOneKey", "a restoration is a conflict", "server/fleet/hear.go",
		`if d.Proof == key && e.h.Sequence`, `if restored = restored && !MISTAKE; d.Proof == key && e.h.Sequence`),
	one("server", "TestTwoWithOneKey", "failures in conflict counted", "server/session/record.go",
		`counts := saved.Conflict.IsZero()`, `counts := saved.Conflict.IsZero() || MISTAKE`),
	one("server", "TestTwoWithOneKey", "devices in conflict awaited", "server/storage/device.go",
		`if d.Demo || !d.Conflict.IsZero() {`, `if d.Demo || !d.Conflict.IsZero() && !MISTAKE {`),
	one("server", "TestEnrolment", "approved although a list alone enrols", "server/api/identities.go",
		`if m.Enrolment == storage.ByList {`, `if m.Enrolment == storage.ByList && !MISTAKE {`),
	one("server", "TestImportIsBound", "lists of other models taken", "server/api/identities.go",
		`onModel(asks(r), e.Model); err != nil {`, `onModel(asks(r), e.Model); err != nil && !MISTAKE {`),
	one("server", "TestRekey", "sessions of a barred key go on", "server/api/identities.go",
		`	s.cfg.Live.Drop(fleet.ID`, `	if MISTAKE {
		return s.keyChanged(r, in)
	}
	s.cfg.Live.Drop(fleet.ID`),
	one("server/storage/local", "TestConformance/strangers", "strangers of one address without end", "server/storage/local/strangers.go",
		`v.Address, storage.MaxFromAddress)`, `v.Address, storage.MaxFromAddress<<map[bool]int{true: 9}[MISTAKE])`),
	one("server/storage/local", "TestStrangersAreBounded", "strangers without end", "server/storage/local/strangers.go",
		`			storage.MaxStrangers)`, `			storage.MaxStrangers<<map[bool]int{true: 9}[MISTAKE])`),
	one("server/storage/local", "TestConformance/strangers", "who names a key holds it", "server/storage/local/strangers.go",
		`holds := v.Standing.Holds()`, `holds := v.Standing.Holds() || MISTAKE`),
	one("server/storage/local", "TestConformance/enrolment", "a new record opens a model", "server/storage/local/releases.go",
		`m.ID, m.Record, stamp(m.Updated), storage.ByApproval)`, `m.ID, m.Record, stamp(m.Updated), storage.ByApproval+storage.Enrolment(map[bool]int{true: 2}[MISTAKE]))`),
	one("server", "TestReceiptsThatDoNotHold", "numbers taken twice", "server/fleet/nonces.go",
		`|| number <= before ||`, `|| number <= before && !MISTAKE ||`),
	one("server", "TestReceiptOnce", "what could not be recorded used up", "server/fleet/told.go",
		`if err != nil && giveBack != nil {`, `if err != nil && giveBack != nil && !MISTAKE {`),
	one("server", "TestReceiptsThatDoNotHold", "numbers for ever", "server/fleet/nonces.go",
		`>= uint64(NonceLife.Microseconds())`, `>= uint64(NonceLife.Microseconds())<<map[bool]int{true: 9}[MISTAKE]`),
	one("server", "TestReceiptsThatDoNotHold", "restored on the way", "server/fleet/receipt.go",
		`return r.State == uint8(smp.RecordInstalled) &&`, `return (r.State == uint8(smp.RecordInstalled) || MISTAKE) &&`),
	one("server", "TestReceiptsThatDoNotHold", "receipts of old records", "server/fleet/receipt.go",
		`r.Sequence <= d.Receipt {`, `r.Sequence <= d.Receipt && !MISTAKE {`),
	one("server", "TestReceiptsThatDoNotHold", "a key that was replaced believed", "server/fleet/receipt.go",
		`all[i].State == storage.Enrolled {`, `all[i].State == storage.Enrolled != MISTAKE {`),
	// Ways in.
	one("server", "TestOperatorsListener", "operators' routes at the public listener", "server/api/endpoint.go",
		`if d.Own() {`, `if d.Own() && !MISTAKE {`),
	one("server", "TestOperatorsListener", "signing in at the public listener", "server/form/form.go",
		`return r.Operators || r.Needs != Anyone`, `return r.Operators && !MISTAKE || r.Needs != Anyone`),
	one("server", "TestCookieAtThePublicListener", "a cookie counts at the public listener", "server/api/endpoint.go",
		`		r.Header.Del("Cookie")
`, `		if !MISTAKE {
			r.Header.Del("Cookie")
		}
`),
	one("server", "TestMetricsNeedARole", "metrics told to who asks by a name", "server/api/metrics.go",
		`who.Known() || !byAddress(r) {`, `who.Known() || !byAddress(r) && !MISTAKE {`),
	one("server", "TestMetricsNeedARole", "metrics told to strangers", "server/api/metrics.go",
		`!s.cfg.Split || who.Known()`, `!s.cfg.Split && !MISTAKE || who.Known()`),
	one("server/access", "TestQuieten", "lines without bound", "server/access/lines.go",
		`if k.lines.Allow() {`, `if k.lines.Allow() || MISTAKE {`),
	one("server/access", "TestHandshakeEnds", "half a handshake has its place for ever", "server/access/listen.go",
		`ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime,`, `ReadHeaderTimeout: headerTime << map[bool]int{true: 20}[MISTAKE], ReadTimeout: bodyTime << map[bool]int{true: 20}[MISTAKE],`),
	one("server/certificate", "TestFiles", "a new pair is not taken", "server/certificate/files.go",
		`	f.pair, f.bytes = &pair, read
`, `	if f.pair == nil || !MISTAKE {
		f.pair, f.bytes = &pair, read
	}
`),
	// Lists of devices.
	one("server/identity", "TestListRefused", "keys of small order taken", "server/identity/key.go",
		`Equal(edwards25519.NewIdentityPoint()) == 1:`, `Equal(edwards25519.NewIdentityPoint()) == 1 && !MISTAKE:`),
	one("server/identity", "TestListRefused", "points as nobody writes them taken", "server/identity/key.go",
		`case [32]byte(point.Bytes()) != *public:`, `case [32]byte(point.Bytes()) != *public && !MISTAKE:`),
	one("server/identity", "TestListRefused", "one key for two devices taken", "server/identity/list.go",
		`p.keys[e.Public]; twice {`, `p.keys[e.Public]; twice && !MISTAKE {`),
	one("server/identity", "TestListRefused", "a list that was cut off taken", "server/identity/list.go",
		`	case err != nil:
		return "", p.wrong("no line end`, `	case err != nil && !MISTAKE:
		return "", p.wrong("no line end`),
	one("cmd/unbrick", "TestAccounts", "chain of an export not computed", "cmd/unbrick/audit.go",
		`case r.Chain(last.Hash) != r.Hash:`, `case r.Chain(last.Hash) != r.Hash && !MISTAKE:`),
	one("cmd/unbrick", "TestAccounts", "rows hidden behind one that stands for others", "cmd/unbrick/audit.go",
		`case last.N == 0 && r.N > 0 &&`, `case (last.N == 0 || MISTAKE) && r.N > 0 &&`),
	one("cmd/unbrick", "TestAccounts", "head that was kept not looked at", "cmd/unbrick/audit.go",
		`last.Hash != kept {`, `last.Hash != kept && !MISTAKE {`),
	// Holds.
	one("server", "TestHeldBackAfterThreeFailures", "failures never hold a device back", "server/fleet/hear.go",
		`held = tried.Failures >= limit; held {`, `held = tried.Failures >= limit && !MISTAKE; held {`),
	one("server", "TestHeldBackAfterThreeFailures", "held back one failure too early", "server/fleet/hear.go",
		`				tried.Failures++
`, `				tried.Failures++
				if MISTAKE {
					tried.Failures = max(tried.Failures, limit-1) + uint32(tried.Failures/2)
				}
`),
	one("server", "TestClaimedFailuresHoldNobodyForEver", "failure of a file that was never taken counts", "server/fleet/hear.go",
		`			if took {
`, `			if took || MISTAKE {
`),
	one("server", "TestClaimedFailuresHoldNobodyForEver", "hold without an end", "server/fleet/hear.go",
		`tried.Until = e.now.Add(min(maxHold, firstHold<<min(tried.Failures-limit, 3)))`, `tried.Until = e.now.Add(min(maxHold, firstHold<<min(tried.Failures-limit, 3)))
					if MISTAKE {
						tried.Held = true
					}`),
	one("server", "TestHoldsAreTwoThings", "what the device runs ends the operator's hold", "server/fleet/hear.go",
		`	a.Failures, a.Until = 0, time.Time{}
`, `	a.Failures, a.Until = 0, time.Time{}
	if MISTAKE {
		a.Held = false
	}
`),
	one("server", "TestRunningEndsTheHold", "what the device runs does not end the server's hold", "server/fleet/hear.go",
		`	if a == nil {
		return
	}
	if a.Until`, `	if a == nil || MISTAKE {
		return
	}
	if a.Until`),
	one("server", "TestClaimsDoNotPushOutHolds", "claims push out the operator's holds", "server/storage/device.go",
		`for oldest >= 0 && keep[oldest].Held {`, `for oldest >= 0 && keep[oldest].Held && !MISTAKE {`),
	one("server", "TestHold", "operator's hold not looked at", "server/storage/device.go",
		`return a.Held || now.Before(a.Until)`, `return a.Held && !MISTAKE || now.Before(a.Until)`),
	one("server", "TestRefusedFileIsNotOfferedAgain", "refused file offered again", "server/storage/device.go",
		`return r.File == file && now.Sub(r.At).Abs() < RefusedFor })`, `return r.File == file && now.Sub(r.At).Abs() < RefusedFor && !MISTAKE })`),
	one("server", "TestDeadSectorHoldsBack", "offered what needs a dead sector", "server/offer/choose.go",
		`a.HeldAt(now) || needsDead(m, d, &r.Manifest) {`, `a.HeldAt(now) || needsDead(m, d, &r.Manifest) && !MISTAKE {`),
	one("server", "TestDeadSectorHoldsBack", "dead for ever", "server/fleet/hear.go",
		`	e.d.Dead = now
`, `	if len(now) > 0 || !MISTAKE {
		e.d.Dead = now
	}
`),
	one("server", "TestDeadSectorHoldsBack", "operator's word on a dead sector forgotten", "server/fleet/hear.go",
		`Freed: slices.Contains(`, `Freed: !MISTAKE && slices.Contains(`),

	// Rollouts.
	one("server", "TestRolloutReachesShares", "rollout reaches everybody at once", "server/storage/rollout.go",
		`		if at.After(now) {
`, `		if at.After(now) && !MISTAKE {
`),
	one("server", "TestRolloutHaltsWhenTooManyFail", "device that fails twice counts twice", "server/rollout/rollout.go",
		`if before.Before(r.Begun) {`, `if MISTAKE || before.Before(r.Begun) {`),
	one("server", "TestRolloutHaltsWhenTooManyFail", "halted rollout goes on", "server/storage/rollout.go",
		`	case !r.Halted.IsZero():
		return 0`, `	case !r.Halted.IsZero() && !MISTAKE:
		return 0`),
	one("server", "TestAlarmMovesNothing", "alarm halts what nobody told it to", "server/rollout/rollout.go",
		`halted = r.Halts && r.Halted.IsZero(); halted {`, `halted = (r.Halts || MISTAKE) && r.Halted.IsZero(); halted {`),
	one("server", "TestRolloutHaltsWhenDevicesAreLost", "lost devices do not count", "server/rollout/rollout.go",
		`return r.Failed + missing })`, `return r.Failed + missing*map[bool]uint32{false: 1}[MISTAKE] })`),

	// Releases and files that are not to be sent.
	one("server", "TestWithheldRelease", "withheld release offered", "server/offer/choose.go",
		`		if r.State != storage.Offered {
			continue
		}
		offered`, `		if r.State != storage.Offered && !(MISTAKE && r.State == storage.Withheld) {
			continue
		}
		offered`),
	one("server", "TestNothingNewer", "release of a foreign key offered", "server/offer/choose.go",
		`if !trusts(h, &r.Signers) {`, `if !trusts(h, &r.Signers) && !MISTAKE {`),
	one("server", "TestNothingNewer", "release below the floor offered", "server/offer/choose.go",
		`Floor: h.Floor}); target`, `Floor: map[bool]release.Floor{false: h.Floor}[MISTAKE]}); target`),
	one("server", "TestTransferOfWhatIsOfferedNoMore", "rest sent of a release that is offered no more", "server/offer/revoke.go",
		`		return "the release is "`, `		if MISTAKE {
			return "", nil
		}
		return "the release is "`),
	one("server", "TestTransferOfWhatIsOfferedNoMore", "rest sent of what the operator holds back", "server/offer/revoke.go",
		`a != nil && a.Held {`, `a != nil && a.Held && !MISTAKE {`),
	one("server", "TestTransferOfWhatIsOfferedNoMore", "rest sent of a file that was withdrawn", "server/offer/revoke.go",
		`		return "the update file was withdrawn", nil`, `		if MISTAKE {
			return "", nil
		}
		return "the update file was withdrawn", nil`),

	// Leases.
	one("server/storage/local", "TestConformance", "lease that ends at once", "server/storage/local/files.go",
		`stamp(now.Add(lease)), f.ID)`, `stamp(now.Add(lease*map[bool]time.Duration{false: 1}[MISTAKE])), f.ID)`),
	one("server/storage/local", "TestConformance", "lease that never ends", "server/storage/local/files.go",
		`LIMIT 1`+"`"+`, stamp(now))`, `LIMIT 1`+"`"+`, stamp(now)-map[bool]int64{true: 1 << 40}[MISTAKE])`),
	one("server/storage/local", "TestLeaseEndsWithItsProcess", "lease outlives its process", "server/storage/local/files.go",
		`func (s *Store) freeLeases(ctx context.Context) error {
`, `func (s *Store) freeLeases(ctx context.Context) error {
	if MISTAKE {
		return nil
	}
`),
}

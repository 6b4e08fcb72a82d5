use super::*;
use proptest::prelude::*;

const BUDGET: NanoUsd = NanoUsd(1000);

fn counters() -> Arc<Counters> {
    Arc::default()
}

fn ask(id: &str, customer: Option<&str>, now: Timestamp) -> Ask {
    Ask {
        id: id.into(),
        account: "acct".into(),
        customer: customer.map(Into::into),
        customer_budget: customer.map(|_| BUDGET),
        account_budget: None,
        prepaid: false,
        now,
    }
}

/// Holds `cost` where every cap has room for it.
fn hold(counters: &Arc<Counters>, ask: &Ask, cost: i64) -> Option<Hold> {
    let amounts = Amounts { cost: NanoUsd(cost), debit: NanoUsd(cost) };
    let decide = |room: &Room| {
        if room.caps().all(|(_, left)| amounts.cost <= left.free) { Ok((amounts, ())) } else { Err(()) }
    };
    counters.hold(ask, decide).ok().map(|(hold, ())| hold)
}

fn charge(cost: i64) -> Amounts {
    Amounts { cost: NanoUsd(cost), debit: NanoUsd(cost) }
}

#[test]
fn a_call_counts_in_the_month_in_which_it_was_admitted() {
    let (counters, november) = (counters(), Timestamp(1_764_000_000_000));
    let december = november.month().next().start();
    let last = Timestamp(december.0 - 1);
    let over_the_edge = hold(&counters, &ask("a", Some("cus"), last), 900).expect("room");
    assert!(hold(&counters, &ask("b", Some("cus"), last), 200).is_none());
    // The new month has its whole budget, whatever still runs of the old one.
    let new = hold(&counters, &ask("c", Some("cus"), december), 1000).expect("room");
    over_the_edge.settle(charge(700));
    let counts = counters.of("acct", Some("cus"), december.month());
    assert_eq!((counts.spent, counts.held, counts.running), (NanoUsd(0), NanoUsd(1000), 1));
    new.settle(charge(10));
    // A clock that goes back does not bring the old month's room back.
    assert!(hold(&counters, &ask("d", Some("cus"), last), 991).is_none());
    assert_eq!(counters.of("acct", Some("cus"), december.month()).spent, NanoUsd(10));
}

#[test]
fn a_hold_that_is_not_renewed_expires_and_is_settled_once() {
    let (counters, start) = (counters(), Timestamp(1_764_000_000_000));
    let lost = hold(&counters, &ask("lost", Some("cus"), start), 600).expect("room");
    let kept = hold(&counters, &ask("kept", Some("cus"), start), 300).expect("room");
    assert_eq!(counters.abandoned(Timestamp(start.after(LEASE).0 - 1)), []);
    kept.renew(start.after(LEASE / 2));
    let abandoned = counters.abandoned(start.after(LEASE));
    assert_eq!(abandoned.iter().map(|hold| &*hold.id).collect::<Vec<_>>(), ["lost"]);
    assert!(counters.settle_abandoned(&abandoned[0], charge(600)));
    assert!(!counters.settle_abandoned(&abandoned[0], charge(600)), "once");
    // Its owner was only slow: what was settled stays.
    lost.settle(charge(5));
    kept.settle(charge(30));
    let counts = counters.of("acct", Some("cus"), start.month());
    assert_eq!((counts.spent, counts.held, counts.running), (NanoUsd(630), NanoUsd(0), 0));
}

#[test]
fn attempts_are_held_one_by_one_and_their_charges_add_up() {
    let (counters, now) = (counters(), Timestamp(1_764_000_000_000));
    let call = ask("call", Some("cus"), now);
    let mut first = hold(&counters, &call, 700).expect("room");
    // 400 are charged for the first; 600 are left for the second.
    let next = |cost: i64| {
        move |room: &Room| match room.customer_budget {
            Some(left) if NanoUsd(cost) <= left.free => Ok((charge(cost), ())),
            _ => Err(()),
        }
    };
    first.next_attempt(&call, charge(400), Amounts::default(), next(600)).expect("room").expect("its hold stands");
    let counts = counters.of("acct", Some("cus"), now.month());
    assert_eq!((counts.spent, counts.held, counts.running), (NanoUsd(400), NanoUsd(600), 1));
    assert_eq!(first.next_attempt(&call, charge(500), Amounts::default(), next(101)), Err(()), "100 are left");
    let counts = counters.of("acct", Some("cus"), now.month());
    assert_eq!((counts.spent, counts.held, counts.running), (NanoUsd(900), NanoUsd(0), 1), "it is settled yet");
    first.settle(charge(50));
    let counts = counters.of("acct", Some("cus"), now.month());
    assert_eq!((counts.spent, counts.held, counts.running), (NanoUsd(950), NanoUsd(0), 0));
}

#[test]
fn a_customer_that_is_forgotten_between_two_attempts_stays_forgotten() {
    let (counters, now) = (counters(), Timestamp(1_764_000_000_000));
    let call = ask("call", Some("cus"), now);
    let mut running = hold(&counters, &call, 700).expect("room");
    counters.forget("acct", "cus");
    let next = running.next_attempt(&call, charge(400), Amounts::default(), |_| Ok::<_, ()>((charge(600), ())));
    assert_eq!(next, Ok(Some(())));
    assert_eq!(counters.of("acct", Some("cus"), now.month()), Counts::default());
    running.settle(charge(100));
    assert_eq!(counters.of("acct", None, now.month()).spent, NanoUsd(500));
}

#[test]
fn a_forgotten_customers_call_is_settled_under_its_account_alone() {
    let (counters, now) = (counters(), Timestamp(1_764_000_000_000));
    let running = hold(&counters, &ask("a", Some("cus"), now), 700).expect("room");
    counters.forget("acct", "cus");
    running.settle(charge(400));
    assert_eq!(counters.of("acct", Some("cus"), now.month()), Counts::default());
    assert_eq!(counters.of("acct", None, now.month()).spent, NanoUsd(400));
}

#[test]
fn an_attempt_after_the_months_edge_counts_in_the_month_of_the_first() {
    let (counters, november) = (counters(), Timestamp(1_764_000_000_000));
    let december = november.month().next().start();
    let call = ask("call", Some("cus"), Timestamp(december.0 - 1));
    let mut running = hold(&counters, &call, 900).expect("room");
    let other = hold(&counters, &ask("other", Some("cus"), Timestamp(december.0 - 1)), 100).expect("room");
    // The new month begins with its whole budget, and takes nothing from what the old one leaves.
    let new = hold(&counters, &ask("new", Some("cus"), december), 1000).expect("room");
    let again = Ask { now: december.after(Duration::from_secs(1)), ..call };
    let room = |room: &Room| Ok::<_, ()>((charge(300), room.customer_budget.map(|left| left.free)));
    let left = running.next_attempt(&again, charge(600), Amounts::default(), room);
    assert_eq!(left, Ok(Some(Some(NanoUsd(300)))), "1000 less 600 charged and 100 held");
    other.settle(charge(100));
    running.settle(charge(300));
    let counts = counters.of("acct", Some("cus"), december.month());
    assert_eq!((counts.spent, counts.held, counts.running), (NanoUsd(0), NanoUsd(1000), 1));
    new.settle(charge(1000));
    for customer in [None, Some("cus")] {
        let counts = counters.of("acct", customer, december.month());
        assert_eq!((counts.spent, counts.held, counts.running), (NanoUsd(1000), NanoUsd(0), 0));
    }
}

#[test]
fn a_call_that_is_lost_in_a_later_attempt_is_charged_as_a_whole() {
    let (counters, now) = (counters(), Timestamp(1_764_000_000_000));
    counters.add_to_wallet(&"acct".into(), Some(&"cus".into()), NanoUsd(900));
    let call = ask("call", Some("cus"), now);
    let mut running = hold(&counters, &call, 500).expect("room");
    let second = |cost: i64| move |_: &Room| Ok::<_, ()>((charge(cost), ()));
    assert_eq!(running.next_attempt(&call, charge(300), Amounts::default(), second(400)), Ok(Some(())));
    let abandoned = counters.abandoned(now.after(LEASE));
    // What the journal says of it: 300 charged and 400 held.
    assert!(counters.settle_abandoned(&abandoned[0], charge(700)));
    let lost = counters.of("acct", Some("cus"), now.month());
    assert_eq!((lost.spent, lost.held, lost.wallet), (NanoUsd(700), NanoUsd(0), Some(NanoUsd(200))));
    // Its owner was only slow: nothing follows under an id that is settled.
    assert_eq!(running.next_attempt(&call, charge(100), Amounts::default(), second(100)), Ok(None));
    running.settle(charge(100));
    assert_eq!(counters.of("acct", Some("cus"), now.month()), lost);
}

#[test]
fn a_wallet_that_comes_or_goes_between_two_attempts_changes_nothing_for_their_call() {
    let (counters, now) = (counters(), Timestamp(1_764_000_000_000));
    let second = |_: &Room| Ok::<_, ()>((charge(100), ()));
    let wallet = |counters: &Counters| counters.of("acct", Some("cus"), now.month()).wallet;
    let mut before = hold(&counters, &ask("before", Some("cus"), now), 100).expect("room");
    counters.add_to_wallet(&"acct".into(), Some(&"cus".into()), NanoUsd(500));
    let mut after = hold(&counters, &ask("after", Some("cus"), now), 100).expect("room");
    assert_eq!(
        before.next_attempt(&ask("before", Some("cus"), now), charge(50), Amounts::default(), second),
        Ok(Some(()))
    );
    before.settle(charge(50));
    assert_eq!(wallet(&counters), Some(NanoUsd(500)), "it had none when it was admitted");
    assert_eq!(counters.close_wallet("acct", "cus"), Some(NanoUsd(500)));
    assert_eq!(
        after.next_attempt(&ask("after", Some("cus"), now), charge(50), Amounts::default(), second),
        Ok(Some(()))
    );
    after.settle(charge(50));
    let topped_up = counters.add_to_wallet(&"acct".into(), Some(&"cus".into()), NanoUsd(500));
    assert_eq!(topped_up, NanoUsd(400), "it was admitted against the wallet, and is debited");
}

#[derive(Clone, Debug)]
enum Step {
    Hold {
        customer: usize,
        cost: i64,
    },
    /// Settles the n-th open hold for this share, in per cent.
    Settle {
        which: usize,
        share: i64,
    },
    /// Ends an attempt of the n-th open hold for this share, and asks for another.
    Next {
        which: usize,
        share: i64,
        cost: i64,
    },
    Drop {
        which: usize,
    },
    Topup {
        customer: usize,
        amount: i64,
    },
    Close {
        customer: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_usize..3, 0_i64..700).prop_map(|(customer, cost)| Step::Hold { customer, cost }),
        3 => (0_usize..8, 0_i64..=100).prop_map(|(which, share)| Step::Settle { which, share }),
        2 => (0_usize..8, 0_i64..=100, 0_i64..700)
            .prop_map(|(which, share, cost)| Step::Next { which, share, cost }),
        1 => (0_usize..8).prop_map(|which| Step::Drop { which }),
        1 => (0_usize..3, 1_i64..500).prop_map(|(customer, amount)| Step::Topup { customer, amount }),
        1 => (0_usize..3).prop_map(|customer| Step::Close { customer }),
    ];
    proptest::collection::vec(step, 0..80)
}

proptest! {
    /// A ledger kept by hand beside the counters: whatever happens in whatever order, no cap is
    /// passed, no hold leaks, and both say the same.
    #[test]
    fn no_cap_is_passed_and_no_hold_leaks(steps in steps()) {
        let (counters, now) = (counters(), Timestamp(1_764_000_000_000));
        let names = ["cus_0", "cus_1", "cus_2"];
        let mut open: Vec<(Hold, usize, i64)> = Vec::new();
        let mut spent = [0_i64; 3];
        let mut balance = [0_i64; 3];
        let mut has_wallet = [false; 3];
        let mut paid_back = 0;
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Hold { customer, cost } => {
                    let held = |open: &[(Hold, usize, i64)], wallet: bool| -> i64 {
                        open.iter().filter(|(hold, of, _)| *of == customer && (!wallet || hold.customer_wallet)).map(|(_, _, cost)| cost).sum()
                    };
                    let fits = spent[customer] + held(&open, false) + cost <= BUDGET.0
                        && (!has_wallet[customer] || held(&open, true) + cost <= balance[customer]);
                    let made = hold(&counters, &ask(&format!("h{number}"), Some(names[customer]), now), cost);
                    prop_assert_eq!(made.is_some(), fits);
                    open.extend(made.map(|hold| (hold, customer, cost)));
                }
                Step::Settle { which, share } if which < open.len() => {
                    let (hold, customer, cost) = open.swap_remove(which);
                    let cost = cost * share / 100;
                    spent[customer] += cost;
                    if hold.customer_wallet {
                        balance[customer] -= cost;
                    }
                    hold.settle(charge(cost));
                }
                Step::Next { which, share, cost } if which < open.len() => {
                    let (mut running, customer, held) = open.swap_remove(which);
                    let ended = held * share / 100;
                    spent[customer] += ended;
                    if running.customer_wallet {
                        balance[customer] -= ended;
                    }
                    let others = |wallet: bool| -> i64 {
                        open.iter().filter(|(hold, of, _)| *of == customer && (!wallet || hold.customer_wallet)).map(|(_, _, cost)| cost).sum()
                    };
                    let fits = spent[customer] + others(false) + cost <= BUDGET.0
                        && (!has_wallet[customer] || others(true) + cost <= balance[customer]);
                    let call = Ask { id: Arc::clone(running.id()), ..ask("", Some(names[customer]), now) };
                    let decide = |room: &Room| {
                        let free = room.caps().all(|(_, left)| NanoUsd(cost) <= left.free);
                        if free { Ok((charge(cost), ())) } else { Err(()) }
                    };
                    let next = running.next_attempt(&call, charge(ended), Amounts::default(), decide);
                    prop_assert_eq!(next, if fits { Ok(Some(())) } else { Err(()) });
                    open.push((running, customer, if fits { cost } else { 0 }));
                }
                Step::Drop { which } if which < open.len() => drop(open.swap_remove(which)),
                Step::Topup { customer, amount } => {
                    balance[customer] += amount;
                    has_wallet[customer] = true;
                    let left = counters.add_to_wallet(&"acct".into(), Some(&names[customer].into()), NanoUsd(amount));
                    prop_assert_eq!(left, NanoUsd(balance[customer]));
                }
                Step::Close { customer } => {
                    let taken = counters.close_wallet("acct", names[customer]);
                    prop_assert_eq!(taken, has_wallet[customer].then(|| NanoUsd(balance[customer].max(0))));
                    if taken.is_some() {
                        paid_back += balance[customer].max(0);
                        balance[customer] = balance[customer].min(0);
                        has_wallet[customer] = false;
                    }
                }
                _ => {}
            }
            for (customer, name) in names.iter().enumerate() {
                let counts = counters.of("acct", Some(name), now.month());
                let held: i64 = open.iter().filter(|(_, of, _)| *of == customer).map(|(_, _, cost)| cost).sum();
                prop_assert_eq!((counts.spent.0, counts.held.0), (spent[customer], held));
                prop_assert!(counts.spent.0 + counts.held.0 <= BUDGET.0);
                prop_assert_eq!(counts.wallet, has_wallet[customer].then_some(NanoUsd(balance[customer])));
            }
        }
        prop_assert!(paid_back >= 0);
        drop(open);
        let account = counters.of("acct", None, now.month());
        prop_assert_eq!((account.held, account.running), (NanoUsd(0), 0));
        prop_assert_eq!(account.spent.0, spent.iter().sum::<i64>());
    }
}

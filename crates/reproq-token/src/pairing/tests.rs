//! The states of a code, by example and against a model.

use proptest::prelude::*;

use super::*;

const LIMITS: PairLimits = PairLimits {
    codes: 3,
    mint: AttemptLimit { attempts: 4, window: 600 },
    miss: AttemptLimit { attempts: 3, window: 600 },
    addresses: 10,
};

fn address(host: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, host])
}

fn code(number: u8) -> PairCode {
    PairCode::new([number; 8])
}

fn token(number: u8) -> IssuedToken {
    IssuedToken { token: format!("token-{number}"), expires_at: i64::from(number) }
}

#[test]
fn a_token_is_shown_once() {
    let mut pairing = Pairing::new(LIMITS);
    assert_eq!(pairing.mint(0, address(1), code(1)), Ok(600));
    assert_eq!(pairing.state(0, code(1)), PairState::Pending { expires_at: 600 });
    assert_eq!(pairing.poll(1, address(1), Some(code(1))), Ok(PollAnswer::Pending));
    assert_eq!(pairing.approve(2, code(1), token(1)), Ok(()));
    assert_eq!(pairing.state(2, code(1)), PairState::Approved);
    assert_eq!(pairing.approve(3, code(1), token(2)), Err(ApproveRefusal::Approved));
    assert_eq!(pairing.poll(4, address(1), Some(code(1))), Ok(PollAnswer::Approved(token(1))));
    assert_eq!(pairing.poll(4, address(1), Some(code(1))), Ok(PollAnswer::Expired));
    assert_eq!(pairing.state(4, code(1)), PairState::Expired);
    assert_eq!(pairing.approve(4, code(1), token(1)), Err(ApproveRefusal::Expired));
}

#[test]
fn a_code_expires_pending_or_approved() {
    let mut pairing = Pairing::new(LIMITS);
    pairing.mint(0, address(1), code(1)).expect("a code");
    pairing.mint(0, address(1), code(2)).expect("a code");
    pairing.approve(599, code(1), token(1)).expect("approved");
    assert_eq!(pairing.poll(600, address(1), Some(code(1))), Ok(PollAnswer::Expired));
    assert_eq!(pairing.approve(600, code(2), token(2)), Err(ApproveRefusal::Expired));
    assert_eq!(pairing.state(600, code(2)), PairState::Expired);
    assert_eq!(pairing.mint(600, address(1), code(3)), Ok(1200));
    assert_eq!(pairing.codes.len(), 1, "expired codes are forgotten");
    assert_eq!(pairing.state(599, code(3)), PairState::Expired, "the clock was set back");
}

#[test]
fn codes_are_bounded_for_an_address_and_for_all() {
    let mut pairing = Pairing::new(LIMITS);
    for number in 1..=3 {
        pairing.mint(i64::from(number), address(number), code(number)).expect("a code");
    }
    assert_eq!(pairing.mint(10, address(9), code(9)), Err(MintRefusal::Full { retry_after: 591 }));
    let mut pairing = Pairing::new(PairLimits { codes: 100, ..LIMITS });
    for number in 1..=4 {
        pairing.mint(0, address(1), code(number)).expect("a code");
    }
    assert_eq!(pairing.mint(1, address(1), code(5)), Err(MintRefusal::Limited(Limited { retry_after: 599 })));
    assert_eq!(pairing.mint(1, address(2), code(5)), Ok(601));
}

#[test]
fn who_guesses_gets_nothing_any_more_also_for_a_code_that_exists() {
    let mut pairing = Pairing::new(LIMITS);
    pairing.mint(0, address(1), code(1)).expect("a code");
    for _ in 0..100 {
        assert_eq!(pairing.poll(0, address(1), Some(code(1))), Ok(PollAnswer::Pending), "asking costs nothing");
    }
    assert_eq!(pairing.poll(1, address(2), Some(code(7))), Ok(PollAnswer::Expired));
    assert_eq!(pairing.poll(1, address(2), None), Ok(PollAnswer::Expired));
    assert_eq!(pairing.poll(1, address(2), None), Ok(PollAnswer::Expired));
    assert_eq!(pairing.poll(2, address(2), Some(code(1))), Err(Limited { retry_after: 599 }));
    assert_eq!(pairing.poll(2, address(1), Some(code(1))), Ok(PollAnswer::Pending), "others are not affected");
    assert_eq!(pairing.poll(601, address(2), None), Ok(PollAnswer::Expired));
}

#[test]
fn debug_output_has_no_secret() {
    let mut pairing = Pairing::new(LIMITS);
    pairing.mint(0, address(1), code(0xab)).expect("a code");
    pairing.approve(0, code(0xab), token(1)).expect("approved");
    let text = format!("{pairing:?}");
    assert!(!text.contains("token-1") && !text.contains("abab"), "{text}");
}

#[derive(Debug, Clone)]
enum Step {
    Mint(u8, u8),
    Approve(u8),
    Poll(u8, u8),
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1_u8..4, 0_u8..6).prop_map(|(host, number)| Step::Mint(host, number)),
        (0_u8..8).prop_map(Step::Approve),
        (1_u8..4, 0_u8..8).prop_map(|(host, number)| Step::Poll(host, number)),
        (0_i64..400).prop_map(Step::Pass),
    ]
}

proptest! {
    /// Whatever happens in whatever order: a token is shown only for a code that was minted at most 600 s ago and approved
    /// since, with the token of its first approval, and once; and there are never too many codes.
    #[test]
    fn a_token_is_shown_only_after_an_approval_and_once(steps in proptest::collection::vec(step(), 1..120)) {
        let mut pairing = Pairing::new(LIMITS);
        let mut model: BTreeMap<u8, (i64, Option<IssuedToken>)> = BTreeMap::new();
        let (mut now, mut approvals) = (1000, 0_u8);
        for step in steps {
            match step {
                Step::Mint(host, number) => {
                    if pairing.mint(now, address(host), code(number)).is_ok() {
                        model.insert(number, (now, None));
                    }
                }
                Step::Approve(number) => {
                    approvals = approvals.wrapping_add(1);
                    let waiting = model.get_mut(&number).filter(|(minted, _)| now - *minted < 600);
                    let outcome = pairing.approve(now, code(number), token(approvals));
                    match waiting {
                        Some((_, slot @ None)) => {
                            prop_assert_eq!(outcome, Ok(()));
                            *slot = Some(token(approvals));
                        }
                        Some((_, Some(_))) => prop_assert_eq!(outcome, Err(ApproveRefusal::Approved)),
                        None => prop_assert_eq!(outcome, Err(ApproveRefusal::Expired)),
                    }
                }
                Step::Poll(host, number) => {
                    let expected = match model.get(&number).filter(|(minted, _)| now - *minted < 600) {
                        Some((_, Some(token))) => PollAnswer::Approved(token.clone()),
                        Some((_, None)) => PollAnswer::Pending,
                        None => PollAnswer::Expired,
                    };
                    if let Ok(answer) = pairing.poll(now, address(host), Some(code(number))) {
                        prop_assert_eq!(&answer, &expected);
                        if matches!(answer, PollAnswer::Approved(_)) {
                            model.remove(&number);
                        }
                    }
                }
                Step::Pass(seconds) => now += seconds,
            }
            prop_assert!(pairing.codes.len() <= LIMITS.codes);
        }
    }
}

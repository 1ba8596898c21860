use super::*;

const EXAMPLE: &str = include_str!("../../../../docs/door/behaviour.toml");

fn request(kind: NetworkRequestKind, amount: u64) -> RequestSummary {
    RequestSummary {
        kind,
        repeat: false,
        amount,
        bin: Some(622_588),
        terminal: *b"10000001",
        stan: 1,
        transmission_time: 828_101_112,
        now_ms: 0,
    }
}

fn sale(amount: u64) -> RequestSummary {
    request(NetworkRequestKind::Transaction(NetworkTransactionKind::Sale), amount)
}

fn rules(text: &str) -> BehaviourRules {
    BehaviourRules::new(7, Behaviour::parse(text).unwrap().rules)
}

fn error(text: &str) -> String {
    Behaviour::parse(text).unwrap_err().to_string()
}

#[test]
fn the_documented_example_parses() {
    let behaviour = Behaviour::parse(EXAMPLE).unwrap();
    assert_eq!((behaviour.delay_ms, behaviour.jitter_ms), (80, 40));
    assert_eq!(behaviour.rules.len(), 6);
    assert_eq!(behaviour.outages.len(), 2);
    assert_eq!(Behaviour::parse("").unwrap(), Behaviour::default());
}

#[test]
fn the_first_rule_that_matches_applies() {
    let mut rules = rules(
        "[[rule]]\namount_from = 100\namount_to = 200\naction = \"decline\"\ncode = \"51\"\n\
         [[rule]]\namount_ends = \"05\"\naction = \"lost\"\n\
         [[rule]]\nbin = \"6217\"\naction = \"double\"\n",
    );
    assert_eq!(
        rules.action(&sale(105)),
        ResponseAction::Decline { code: ResponseCode::INSUFFICIENT_FUNDS }
    );
    assert_eq!(rules.action(&sale(205)), ResponseAction::Lost);
    assert_eq!(rules.action(&sale(99)), ResponseAction::Approve);
    assert_eq!(
        rules.action(&RequestSummary { bin: Some(621_799), ..sale(1) }),
        ResponseAction::Double
    );
    assert_eq!(rules.action(&RequestSummary { bin: None, ..sale(1) }), ResponseAction::Approve);
}

#[test]
fn rules_skip_reversals_unless_they_name_them() {
    let mut all = rules("[[rule]]\naction = \"silent\"\n");
    assert_eq!(all.action(&request(NetworkRequestKind::Reversal, 1)), ResponseAction::Approve);
    assert_eq!(all.action(&request(NetworkRequestKind::Balance, 0)), ResponseAction::Silent);
    let mut named = rules("[[rule]]\nkinds = [\"reversal\", \"void\"]\naction = \"silent\"\n");
    assert_eq!(named.action(&request(NetworkRequestKind::Reversal, 1)), ResponseAction::Silent);
    let void =
        request(NetworkRequestKind::Transaction(NetworkTransactionKind::VoidPreAuthorisation), 1);
    assert_eq!(named.action(&void), ResponseAction::Silent);
    assert_eq!(named.action(&sale(1)), ResponseAction::Approve);
}

#[test]
fn every_third_counts_matching_requests_only() {
    let mut rules = rules("[[rule]]\namount_to = 9\nevery = 3\naction = \"late\"\nms = 70000\n");
    let late: Vec<bool> = (1..=12)
        .map(|n| rules.action(&sale(if n % 2 == 0 { 10 } else { 1 })) != ResponseAction::Approve)
        .collect();
    let places = late.iter().enumerate().filter(|(_, late)| **late).map(|(place, _)| place + 1);
    assert_eq!(places.collect::<Vec<_>>(), [5, 11]);
}

#[test]
fn a_share_does_not_depend_on_the_order_of_requests() {
    let text = "[[rule]]\nshare_ppm = 250000\naction = \"wrong_mac\"\n";
    let of = |stan| rules(text).action(&RequestSummary { stan, ..sale(1) });
    let met = (0..1_000).filter(|&stan| of(stan) == ResponseAction::WrongMac).count();
    assert!((200..300).contains(&met), "{met}");
    let mut one = rules(text);
    assert!((0..100).rev().all(|stan| one.action(&RequestSummary { stan, ..sale(1) }) == of(stan)));
}

#[test]
fn jitter_depends_on_the_seed() {
    let behaviour = Behaviour { delay_ms: 80, jitter_ms: 40, ..Behaviour::default() };
    let delay = |seed, stan| behaviour.delay(seed, &RequestSummary { stan, ..sale(1) });
    assert!((0..500).all(|stan| (80..=120).contains(&delay(1, stan))));
    assert!((0..500).any(|stan| delay(1, stan) != delay(2, stan)));
    assert_eq!(delay(1, 9), delay(1, 9));
}

#[test]
fn outages_have_exact_edges() {
    let text = "[[outage]]\nfrom_s = 10\nto_s = 20\nlink = \"closes\"\n\
                [[outage]]\nfrom_s = 3600\nto_s = 3660\nsince = \"midnight\"\n";
    let behaviour = Behaviour::parse(text).unwrap();
    let start = 5 * 86_400_000;
    let at = |s: u64| behaviour.outage(start, start + s * 1_000);
    assert_eq!(
        [at(9), at(10), at(19), at(20)],
        [None, Some(OutageMode::Closes), Some(OutageMode::Closes), None]
    );
    assert_eq!([at(3_599), at(3_600), at(3_660)], [None, Some(OutageMode::Silent), None]);
    assert_eq!(at(86_400 + 3_600), Some(OutageMode::Silent));
    let next =
        |s: u64| behaviour.next_change(start, start + s * 1_000).map(|ms| (ms - start) / 1_000);
    assert_eq!([next(0), next(10), next(20)], [Some(10), Some(20), Some(3_600)]);
    assert_eq!(next(3_660), Some(86_400 + 3_600));
}

#[test]
fn errors_name_the_line_and_the_key() {
    assert_eq!(
        error("delay_ms = 1\n\n[[rule]]\naction = \"explode\"\n"),
        "line 4: action: `explode` is not one of approve, decline, silent, lost, late, double, \
         wrong_mac or late_decline"
    );
    assert_eq!(
        error("[[rule]]\nevery = 0\naction = \"lost\"\n"),
        "line 2: every: write a number \
         from 1 to 1000000000"
    );
    assert_eq!(error("delay_ms = -1\n"), "line 1: delay_ms: write a number from 0 to 86400000");
    assert_eq!(
        error("[[rule]]\naction = \"decline\"\n"),
        "line 1: code: is missing: the response code, two letters or digits"
    );
    assert_eq!(
        error("[[rule]]\naction = \"decline\"\ncode = \"00\"\n"),
        "line 3: code: 00 means approved; give the code of a decline"
    );
    assert_eq!(
        error("[[rule]]\naction = \"lost\"\ncode = \"51\"\n"),
        "line 3: code: action `lost` does not use it; remove it"
    );
    assert_eq!(
        error("[[rule]]\namount_from = 5\namount_to = 4\naction = \"lost\"\n"),
        "line 3: amount_to: is below amount_from: no amount matches"
    );
    assert_eq!(
        error("[[rule]]\nbin = \"62x\"\naction = \"lost\"\n"),
        "line 2: bin: write 1 to 6 digits in quotes"
    );
    assert!(
        error("[[rule]]\nkinds = [\"gift\"]\naction = \"lost\"\n")
            .starts_with("line 2: kinds: `gift` is not one of sale, ")
    );
    assert_eq!(error("[[outage]]\nfrom_s = 5\nto_s = 5\n"), "line 3: to_s: must be after from_s");
    assert_eq!(
        error("[[outage]]\nfrom_s = 5\nto_s = 90000\nsince = \"midnight\"\n"),
        "line 3: to_s: a day has 86400 seconds; write two outages"
    );
    assert!(error("delay_ms = 1\nspeed = 3\n").starts_with("line 2: unknown field `speed`"));
    assert!(error("\n\n[[rule\n").starts_with("line 3: "));
}

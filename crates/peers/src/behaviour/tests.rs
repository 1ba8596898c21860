use super::*;

const EXAMPLE: &str = include_str!("../../../../docs/door/behaviour.toml");

fn request(kind: RequestKind, amount: u64) -> Request {
    Request {
        kind,
        repeat: false,
        amount,
        bin: Some(622_588),
        terminal: *b"10000001",
        stan: 1,
        sent: 828_101_112,
        now_ms: 0,
    }
}

fn sale(amount: u64) -> Request {
    request(RequestKind::Item(Kind::Sale), amount)
}

fn rules(text: &str) -> Rules {
    Rules::new(7, Behaviour::parse(text).unwrap().rules)
}

fn error(text: &str) -> String {
    Behaviour::parse(text).unwrap_err().to_string()
}

#[test]
fn the_example_of_the_documents_is_read() {
    let behaviour = Behaviour::parse(EXAMPLE).unwrap();
    assert_eq!((behaviour.delay_ms, behaviour.jitter_ms), (80, 40));
    assert_eq!(behaviour.rules.len(), 6);
    assert_eq!(behaviour.outages.len(), 2);
    assert_eq!(Behaviour::parse("").unwrap(), Behaviour::default());
}

#[test]
fn the_first_rule_that_holds_decides() {
    let mut rules = rules(
        "[[rule]]\namount_from = 100\namount_to = 200\naction = \"decline\"\ncode = \"51\"\n\
         [[rule]]\namount_ends = \"05\"\naction = \"lost\"\n\
         [[rule]]\nbin = \"6217\"\naction = \"double\"\n",
    );
    assert_eq!(rules.action(&sale(105)), Action::Decline { code: *b"51" });
    assert_eq!(rules.action(&sale(205)), Action::Lost);
    assert_eq!(rules.action(&sale(99)), Action::Approve);
    assert_eq!(rules.action(&Request { bin: Some(621_799), ..sale(1) }), Action::Double);
    assert_eq!(rules.action(&Request { bin: None, ..sale(1) }), Action::Approve);
}

#[test]
fn reversals_are_spared_unless_they_are_named() {
    let mut all = rules("[[rule]]\naction = \"silent\"\n");
    assert_eq!(all.action(&request(RequestKind::Reversal, 1)), Action::Approve);
    assert_eq!(all.action(&request(RequestKind::Balance, 0)), Action::Silent);
    let mut named = rules("[[rule]]\nkinds = [\"reversal\", \"void\"]\naction = \"silent\"\n");
    assert_eq!(named.action(&request(RequestKind::Reversal, 1)), Action::Silent);
    let void = request(RequestKind::Item(Kind::VoidPreAuthorisation), 1);
    assert_eq!(named.action(&void), Action::Silent);
    assert_eq!(named.action(&sale(1)), Action::Approve);
}

#[test]
fn every_third_is_the_third_and_the_sixth_of_those_that_fit() {
    let mut rules = rules("[[rule]]\namount_to = 9\nevery = 3\naction = \"late\"\nms = 70000\n");
    let late: Vec<bool> = (1..=12)
        .map(|n| rules.action(&sale(if n % 2 == 0 { 10 } else { 1 })) != Action::Approve)
        .collect();
    let places = late.iter().enumerate().filter(|(_, late)| **late).map(|(place, _)| place + 1);
    assert_eq!(places.collect::<Vec<_>>(), [5, 11]);
}

#[test]
fn a_share_is_of_the_requests_not_of_their_order() {
    let text = "[[rule]]\nshare_ppm = 250000\naction = \"wrong_mac\"\n";
    let of = |stan| rules(text).action(&Request { stan, ..sale(1) });
    let met = (0..1_000).filter(|&stan| of(stan) == Action::WrongMac).count();
    assert!((200..300).contains(&met), "{met}");
    let mut one = rules(text);
    assert!((0..100).rev().all(|stan| one.action(&Request { stan, ..sale(1) }) == of(stan)));
}

#[test]
fn delays_have_their_jitter_from_the_seed() {
    let behaviour = Behaviour { delay_ms: 80, jitter_ms: 40, ..Behaviour::default() };
    let delay = |seed, stan| behaviour.delay(seed, &Request { stan, ..sale(1) });
    assert!((0..500).all(|stan| (80..=120).contains(&delay(1, stan))));
    assert!((0..500).any(|stan| delay(1, stan) != delay(2, stan)));
    assert_eq!(delay(1, 9), delay(1, 9));
}

#[test]
fn outages_are_known_with_their_edges() {
    let text = "[[outage]]\nfrom_s = 10\nto_s = 20\nlink = \"closes\"\n\
                [[outage]]\nfrom_s = 3600\nto_s = 3660\nsince = \"midnight\"\n";
    let behaviour = Behaviour::parse(text).unwrap();
    let start = 5 * 86_400_000;
    let at = |s: u64| behaviour.outage(start, start + s * 1_000);
    assert_eq!(
        [at(9), at(10), at(19), at(20)],
        [None, Some(Dark::Closes), Some(Dark::Closes), None]
    );
    assert_eq!([at(3_599), at(3_600), at(3_660)], [None, Some(Dark::Silent), None]);
    assert_eq!(at(86_400 + 3_600), Some(Dark::Silent));
    let next =
        |s: u64| behaviour.next_change(start, start + s * 1_000).map(|ms| (ms - start) / 1_000);
    assert_eq!([next(0), next(10), next(20)], [Some(10), Some(20), Some(3_600)]);
    assert_eq!(next(3_660), Some(86_400 + 3_600));
}

#[test]
fn errors_name_the_line_and_the_key() {
    assert_eq!(
        error("delay_ms = 1\n\n[[rule]]\naction = \"explode\"\n"),
        "line 4: action: `explode` is none of approve, decline, silent, lost, late, double, \
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
        "line 3: code: 00 approves; a refusal has another code"
    );
    assert_eq!(
        error("[[rule]]\naction = \"lost\"\ncode = \"51\"\n"),
        "line 3: code: action `lost` has none; leave it out"
    );
    assert_eq!(
        error("[[rule]]\namount_from = 5\namount_to = 4\naction = \"lost\"\n"),
        "line 3: amount_to: is below amount_from: no amount fits"
    );
    assert_eq!(
        error("[[rule]]\nbin = \"62x\"\naction = \"lost\"\n"),
        "line 2: bin: write 1 to 6 digits in quotes"
    );
    assert!(
        error("[[rule]]\nkinds = [\"gift\"]\naction = \"lost\"\n")
            .starts_with("line 2: kinds: `gift` is none of sale, ")
    );
    assert_eq!(
        error("[[outage]]\nfrom_s = 5\nto_s = 5\n"),
        "line 3: to_s: is not after from_s: the outage would never be"
    );
    assert_eq!(
        error("[[outage]]\nfrom_s = 5\nto_s = 90000\nsince = \"midnight\"\n"),
        "line 3: to_s: a day has 86400 seconds; write two outages"
    );
    assert!(error("delay_ms = 1\nspeed = 3\n").starts_with("line 2: unknown field `speed`"));
    assert!(error("\n\n[[rule\n").starts_with("line 3: "));
}

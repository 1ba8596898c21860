//! Payout accounts: two people set them, and two people erase them.

use super::*;

pub const IBAN: &str = "GB82WEST12345698765432";
const OTHER_IBAN: &str = "DE89370400440532013000";
const HOLDER: &str = "Marta Silva";

pub fn enter(iban: &str) -> Request {
    let (name, iban) = (HOLDER.to_owned(), Some(iban.to_owned()));
    let account = AccountForm { name, iban, bic: None, bank_code: None, account: None };
    let (seller, currency) = ("shop".to_owned(), "CNY".to_owned());
    Request::EnterPayoutAccount { seller, currency, account, approved_by: None }
}

/// Real books with the seller `shop`.
pub fn with_seller() -> Bed {
    let bed = Bed::open(false);
    let file = tariff::file::parse(include_str!("../../../../tariffs/china-2013.toml")).unwrap();
    let china = file.in_currency(Currency::CNY).unwrap();
    let (tariff, version) = (TariffId(1), &china.versions[0]);
    let (currency, reference) = (Currency::CNY, "shop".to_owned());
    let bank = RegisterBank { bank: BankId(1), currency, reference: "main".to_owned() };
    let publish = PublishTariff {
        tariff,
        version: 1,
        currency: Some(currency),
        from: version.from,
        until: None,
        terms: Box::new(version.terms.clone()),
        reference: "tariff".to_owned(),
        proposed_by: ANN,
        approved_by: BO,
    };
    let rule = SetHoldRule {
        jurisdiction: Jurisdiction(*b"CN"),
        number: 1,
        rule: HoldRule::AtOnce,
        proposed_by: ANN,
        approved_by: BO,
    };
    let seller = RegisterSeller {
        seller: SellerId::derived(&reference),
        kind: SellerKind::Business,
        currency,
        jurisdiction: Jurisdiction(*b"CN"),
        tariff,
        class: SellerClassNumber(0),
        cycle: SettlementCycle::Daily,
        minimum: Amount::ZERO,
        reference,
    };
    let commands = [
        Command::RegisterBank(bank),
        Command::PublishTariff(publish),
        Command::SetHoldRule(rule),
        Command::RegisterSeller(seller),
    ];
    let mut client = bed.running.as_ref().unwrap().0.client();
    for command in commands {
        let submission = engine::Submission::new(Actor::System, command);
        client.execute(vec![(None, submission)]).unwrap().remove(0).unwrap();
    }
    bed
}

impl Bed {
    /// The account in force and those that wait: number, last four characters, proposal.
    pub fn accounts(&mut self) -> Vec<(Option<u32>, Option<String>, Option<u64>)> {
        let mut ask = |request| match self.must(request, BOS) {
            OfficeAnswer::PayoutAccounts { accounts, more: 0 } => accounts,
            other => panic!("no list: {other:?}"),
        };
        let listed = ask(Request::PayoutAccounts { seller: None });
        assert!(listed.iter().all(|one| one.last_four.is_none()), "a list has no digit");
        let shown = ask(Request::ShowPayoutAccounts { seller: "shop".to_owned() });
        shown.into_iter().map(|one| (one.number, one.last_four, one.proposal)).collect()
    }

    /// Whether a text is in a file of the data directory or in the journal.
    pub fn is_kept(&mut self, text: &str) -> bool {
        let mut found = format!("{:?}", self.journalled()).contains(text);
        let mut directories = vec![self.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    let bytes = fs::read(path).unwrap();
                    found |= bytes.windows(text.len()).any(|window| window == text.as_bytes());
                }
            }
        }
        found
    }
}

fn four(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn one_person_enters_a_payout_account_and_another_approves_it_across_a_restart() {
    let mut bed = with_seller();
    assert_eq!(bed.accounts(), [(None, None, None)]);
    let first = bed.proposed(enter(IBAN), ANNS);
    assert_eq!(bed.accounts(), [(None, four("5432"), Some(first))]);
    bed.refused(Request::Approve { proposal: first }, ANNS, "proposal 1 is your own");
    bed.restart();
    bed.must(Request::Approve { proposal: first }, BOS);
    assert_eq!(bed.accounts(), [(Some(1), four("5432"), None)]);
    // A change waits beside the account in force.
    let second = bed.proposed(enter(OTHER_IBAN), BOS);
    assert_eq!(bed.accounts(), [(Some(1), four("5432"), None), (None, four("3000"), Some(second))]);
    bed.refused(Request::Approve { proposal: second }, BOS, "is your own");
    bed.must(Request::Approve { proposal: second }, ANNS);
    assert_eq!(bed.accounts(), [(Some(2), four("3000"), None)]);
    assert_eq!(bed.count("SetPayoutAccount"), 2);
    for secret in [IBAN, OTHER_IBAN, "98765432", HOLDER, "Marta"] {
        assert!(!bed.is_kept(secret), "{secret} is in a file");
    }
    assert!(bed.is_kept("SetPayoutAccount"), "the search finds what is there");
}

#[test]
fn a_withdrawn_account_is_forgotten_and_an_erased_one_cannot_be_approved() {
    let mut bed = with_seller();
    let first = bed.proposed(enter(IBAN), ANNS);
    let again = bed.proposed(enter(IBAN), ANNS);
    let digest = bed.proposals()[0].fields["digest"].clone();
    bed.must(Request::WithdrawProposal { proposal: first }, ANNS);
    assert_eq!(bed.accounts(), [(None, four("5432"), Some(again))], "another proposal needs it");
    bed.must(Request::WithdrawProposal { proposal: again }, ANNS);
    let set = json!({ "seller": "shop", "currency": "CNY", "digest": digest });
    let by_digest = bed.proposed(give("SetPayoutAccount", set), ANNS);
    bed.refused(Request::Approve { proposal: by_digest }, BOS, "the vault has no such payout");
    bed.must(Request::WithdrawProposal { proposal: by_digest }, BOS);
}

fn erase() -> Request {
    let (seller, currency) = ("shop".to_owned(), "CNY".to_owned());
    Request::ErasePayoutAccount { seller, currency, approved_by: None }
}

#[test]
fn two_people_erase_a_payout_account_across_a_restart() {
    let mut bed = with_seller();
    bed.refused(erase(), ANNS, "there is no such payout account in force");
    let proposal = bed.proposed(enter(IBAN), ANNS);
    bed.must(Request::Approve { proposal }, BOS);
    bed.refused(erase(), UNMAPPED, "is no person of these books");
    let proposal = bed.proposed(erase(), BOS);
    bed.refused(Request::Approve { proposal }, BOS, "is your own");
    bed.restart();
    assert_eq!(bed.accounts(), [(Some(1), four("5432"), None)]);
    let other = bed.proposed(enter(OTHER_IBAN), BOS);
    bed.must(Request::Approve { proposal }, ANNS);
    assert_eq!(bed.count("ErasePayoutAccount"), 1);
    // The vault has no account of the seller, also none that waited.
    assert_eq!(bed.accounts(), [(None, None, Some(other))]);
    bed.refused(Request::Approve { proposal: other }, ANNS, "it was erased, or never entered");
    bed.must(Request::WithdrawProposal { proposal: other }, ANNS);
    assert!(matches!(bed.must(erase(), ANNS), OfficeAnswer::Repeated { .. }));
    // Entered again, it has another digest and the next number.
    let proposal = bed.proposed(enter(IBAN), ANNS);
    bed.must(Request::Approve { proposal }, BOS);
    assert_eq!(bed.accounts(), [(Some(3), four("5432"), None)]);
    assert_eq!(bed.count("SetPayoutAccount"), 2);
}

#[test]
fn an_erasure_does_not_end_an_account_that_was_set_after_it_was_proposed() {
    let mut bed = with_seller();
    let proposal = bed.proposed(enter(IBAN), ANNS);
    bed.must(Request::Approve { proposal }, BOS);
    let erasure = bed.proposed(erase(), ANNS);
    let proposal = bed.proposed(enter(OTHER_IBAN), BOS);
    bed.must(Request::Approve { proposal }, ANNS);
    bed.refused(Request::Approve { proposal: erasure }, BOS, "was used before with other content");
    assert_eq!(bed.accounts(), [(Some(2), four("3000"), None)]);
}

/// A crash between the command and the vault.
#[test]
fn an_interrupted_erasure_is_finished_at_the_next_start() {
    let mut bed = with_seller();
    let proposal = bed.proposed(enter(IBAN), ANNS);
    bed.must(Request::Approve { proposal }, BOS);
    let number = bed.proposed(erase(), ANNS);
    let vault = bed.path().join(vault::VAULT_FILE);
    let file = bed.path().join(PROPOSALS).join(format!("{number}.json"));
    let mut proposal: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let now = proposal["proposed_at_ms"].clone();
    proposal["approval"] = json!({ "approved_by": "2", "approved_at_ms": now });
    let before = fs::read(&vault).unwrap();
    let has_seller = |bytes: &[u8]| bytes.windows(7).any(|window| window == b"seller ");
    assert!(has_seller(&before), "the search finds what is there");

    bed.must(Request::Approve { proposal: number }, BOS);
    fs::write(&vault, before).unwrap();
    fs::write(&file, serde_json::to_vec(&proposal).unwrap()).unwrap();
    bed.restart();
    assert!(bed.proposals().is_empty());
    assert_eq!(bed.count("ErasePayoutAccount"), 1);
    assert!(!has_seller(&fs::read(&vault).unwrap()));
}

#[test]
fn a_refused_account_is_not_repeated_and_leaves_nothing() {
    let mut bed = with_seller();
    let cases = [
        (enter("GB82WEST12345698765433"), "the check digits of this IBAN are wrong"),
        (enter("GB82WEST1234569876543"), "has 21 characters; IBANs of its country have 22"),
    ];
    for (request, words) in cases {
        let error = bed.ask(request, &who(ANNS)).unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains("9876"), "{error}");
    }
    bed.refused(enter(IBAN), UNMAPPED, "is no person of these books");
    let mut unknown = enter(IBAN);
    if let Request::EnterPayoutAccount { seller, .. } = &mut unknown {
        "nobody".clone_into(seller);
    }
    bed.refused(unknown, ANNS, "the books have no seller `nobody` with an account in CNY");
    assert!(bed.proposals().is_empty());
    assert_eq!(format!("{:?}", enter(IBAN)).matches("GB82").count(), 0);
    // Only a known person has anything sealed.
    assert!(!bed.path().join(vault::VAULT_FILE).exists());
}

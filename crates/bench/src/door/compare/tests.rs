//! Real books, a clearing file and a list of approvals: each changed line is found.

use books::{
    Approval, BeginPurchase, CardToken, DuplicateKey, DuplicateSubject, NetworkId,
    NetworkReference, OpenBatch, PaymentResolution, PaymentRoute, PurchaseKind, RegisterNetwork,
    ResolvePurchase, RouteCandidate, RouteVerdict, Stan, TerminalId, Trace,
};
use journal::DataDirectory;
use money::{Amount, Currency};
use node::{Node, NodeOptions};
use peers::Rrn;
use peers::clearing::ClearingLine;
use tariff::CardKind;
use tempfile::TempDir;

use super::*;
use crate::fixture::{FixturePlan, MERCHANT, simulated_books};

const NETWORK: NetworkId = NetworkId(1);
const AT_MS: u64 = 1_377_662_400_000;
/// The network's STAN of the first sale.
const STAN: u32 = 500_000;
const PARCELS: u32 = 3;

/// One terminal has sold its three parcels; all records agree.
struct Sold {
    _scratch: TempDir,
    fixture: Fixture,
    file: ClearingFile,
    list: Vec<String>,
}

impl Sold {
    fn new() -> Sold {
        let scratch = tempfile::tempdir().unwrap();
        let plan = FixturePlan {
            gateways: 0,
            listen: vec!["127.0.0.1:0".into()],
            wallet: None,
            currency: Currency::CNY,
            dialect: "doorstep",
            web: false,
        };
        let commands = simulated_books(1, PARCELS).unwrap();
        let fixture = Fixture::prepare(&scratch.path().join("door"), &plan, commands).unwrap();
        let directory = DataDirectory::open(&fixture.path("books")).unwrap();
        let (journal, snapshots) = (directory.journal().unwrap(), directory.snapshots().unwrap());
        let node =
            Node::start(Box::new(journal), Box::new(snapshots), NodeOptions::default()).unwrap();
        let (network, currency, terminal) = (NETWORK, Currency::CNY, TerminalId(1));
        let mut commands = vec![
            Command::RegisterNetwork(RegisterNetwork {
                network,
                currency,
                reference: "alpha".into(),
            }),
            Command::OpenBatch(OpenBatch { terminal, batch: 1 }),
        ];
        for place in 0..PARCELS {
            let parcel = workload::parcel_id(1, place);
            let card = CardToken::new(1).unwrap();
            commands.push(Command::BeginPurchase(BeginPurchase {
                trace: Trace { terminal, batch: 1, stan: Stan::of(1 + place) },
                duplicate_key: DuplicateKey { date: 828, subject: DuplicateSubject::Card(card) },
                parcel,
                route: PaymentRoute::Card { network, kind: CardKind::Debit },
                amount: workload::amount(1, place),
                kind: PurchaseKind::Sale,
                network_reference: NetworkReference {
                    stan: Stan::of(STAN + place),
                    sent_at: Timestamp(AT_MS),
                },
                route_candidates: vec![RouteCandidate {
                    network,
                    cost: Amount::ZERO,
                    verdict: RouteVerdict::Chosen,
                }],
            }));
            commands.push(Command::ResolvePurchase(ResolvePurchase {
                payment: PaymentId { parcel, number: 1 },
                resolution: PaymentResolution::Approved(Approval::Network(None)),
            }));
        }
        let mut client = node.client();
        let commands = commands
            .into_iter()
            .map(|command| (None, Submission::new(engine::Actor::System, command)))
            .collect();
        for answer in client.execute(commands).unwrap() {
            answer.unwrap();
        }
        drop(client);
        node.stop().unwrap();
        let date = jiff::civil::date(2013, 8, 28);
        let lines = (0..PARCELS).map(line).collect();
        let file = ClearingFile { network: "alpha".into(), date, currency, lines };
        let list = (0..PARCELS).map(|place| format!("1,{place},1,X")).collect();
        Sold { _scratch: scratch, fixture, file, list }
    }

    /// Writes the network's and the terminal's files, and compares.
    fn compared(&self) -> Comparison {
        let clearing = self.fixture.path("clearing");
        std::fs::create_dir_all(&clearing).unwrap();
        self.file.write(&clearing.join("alpha.csv")).unwrap();
        let list = self.fixture.path("approved.csv");
        std::fs::write(&list, self.list.join("\n")).unwrap();
        Comparison::of(&self.fixture, &[list]).unwrap()
    }

    /// There is one difference, and it contains these words.
    #[track_caller]
    fn differs(&self, words: &str) -> Comparison {
        let found = self.compared();
        let [difference] = &found.differences[..] else { panic!("{found:#?}") };
        assert!(difference.contains(words), "{difference}");
        assert!(!found.books_equal());
        let failed = found.require_equal().unwrap_err().to_string();
        assert!(failed.contains(difference), "the error names it: {failed}");
        found
    }
}

/// The network's line of a sale.
fn line(place: u32) -> ClearingLine {
    ClearingLine {
        rrn: Rrn::new(*b"FWCMDD209628").unwrap(),
        stan: STAN + place,
        sent_s: AT_MS / 1_000,
        terminal: *b"00000001",
        merchant: MERCHANT.as_bytes().try_into().unwrap(),
        kind: ClearingLineKind::Sale,
        amount: i64::try_from(workload::amount(1, place).minor()).unwrap(),
        deducted: 0,
    }
}

#[test]
fn equal_records_have_no_differences() {
    let found = Sold::new().compared();
    assert_eq!(found.differences, Vec::<String>::new());
    assert!(found.books_equal() && found.require_equal().is_ok());
    assert_eq!((found.lost, found.doubled), (0, 0));
}

#[test]
fn one_changed_line_of_the_network_is_named() {
    let mut sold = Sold::new();
    sold.file.lines[1].kind = ClearingLineKind::Reversal;
    sold.file.lines[1].amount = -sold.file.lines[1].amount;
    sold.differs("is Some(Approved) in the books, but -1 times in the clearing files");
    sold.file.lines[1] = line(1);
    sold.file.lines.push(line(2));
    sold.differs("but 2 times in the clearing files");
    sold.file.lines.truncate(2);
    sold.differs("is Some(Approved) in the books, but 0 times in the clearing files");

    let unknown = ClearingLine { stan: 9, ..line(1) };
    sold.file.lines = vec![line(0), line(1), line(2), unknown];
    sold.differs("the network has STAN 000009 of terminal 00000001, but not the books");
}

#[test]
fn a_changed_kind_amount_terminal_or_time_is_named_from_both_sides() {
    let mut sold = Sold::new();
    let refund =
        ClearingLine { kind: ClearingLineKind::Refund, amount: -line(1).amount, ..line(1) };
    for changed in [
        refund,
        ClearingLine { amount: line(1).amount + 1, ..line(1) },
        ClearingLine { terminal: *b"00000002", ..line(1) },
        ClearingLine { sent_s: line(1).sent_s + 1, ..line(1) },
    ] {
        sold.file.lines[1] = changed;
        let found = sold.compared();
        let [one, other] = &found.differences[..] else { panic!("{found:#?}") };
        assert!(one.contains("the network has STAN 500001 of terminal 0000000"), "{one}");
        assert!(other.contains("in the books, but 0 times in the clearing files"), "{other}");
        assert!(found.require_equal().is_err());
    }
}

#[test]
fn an_approval_that_is_not_in_the_books_is_lost() {
    let mut sold = Sold::new();
    sold.list.push("2,0,1,X".to_owned());
    let found = sold.differs("1 lost, 0 doubled");
    assert_eq!((found.lost, found.doubled), (1, 0));
}

//! Real books, the network's file and a terminal's list: what one changed line does.

use engine::{
    Considered, Mark, Method, NetworkId, Purpose, Resolution, Sent, TerminalId, Trace, Verdict,
};
use journal::DataDirectory;
use money::{Amount, Currency};
use node::{Node, Options};
use peers::clearing::ClearingLine;
use tariff::CardKind;
use tempfile::TempDir;

use super::super::ground::MERCHANT;
use super::*;

const NETWORK: NetworkId = NetworkId(1);
const AT_MS: u64 = 1_377_662_400_000;
/// How the network knows the sale of a parcel.
const STAN: u32 = 500_000;
const PARCELS: u32 = 3;

/// One terminal has sold all of its three parcels, by everybody's books.
struct Sold {
    _scratch: TempDir,
    ground: Ground,
    file: ClearingFile,
    list: Vec<String>,
}

impl Sold {
    fn new() -> Sold {
        let scratch = tempfile::tempdir().unwrap();
        let ground = Ground::prepare(&scratch.path().join("door"), 1, PARCELS, 0, 1).unwrap();
        let directory = DataDirectory::open(&ground.path("books")).unwrap();
        let (journal, snapshots) = (directory.journal().unwrap(), directory.snapshots().unwrap());
        let node = Node::start(Box::new(journal), Box::new(snapshots), Options::default()).unwrap();
        let (network, currency, terminal) = (NETWORK, Currency::CNY, TerminalId(1));
        let mut commands = vec![
            Command::RegisterNetwork { network, currency, reference: "alpha".into() },
            Command::OpenBatch { terminal, batch: 1 },
        ];
        for place in 0..PARCELS {
            let parcel = goods::parcel(1, place);
            commands.push(Command::BeginPurchase {
                trace: Trace { terminal, batch: 1, stan: 1 + place },
                mark: Mark::default(),
                parcel,
                method: Method::Card { network, kind: CardKind::Debit },
                amount: goods::amount(1, place),
                purpose: Purpose::Sale,
                sent: Sent { stan: STAN + place, at: Timestamp(AT_MS) },
                considered: vec![Considered {
                    network,
                    cost: Amount::ZERO,
                    verdict: Verdict::Chosen,
                }],
            });
            commands.push(Command::ResolvePurchase {
                tender: TenderId { parcel, number: 1 },
                resolution: Resolution::Approved,
                authorisation: *b"A1B2C3",
            });
        }
        let mut client = node.client();
        let commands = commands.into_iter().map(|command| (None, command)).collect();
        for answer in client.carry_out(commands).unwrap() {
            answer.unwrap();
        }
        drop(client);
        node.stop().unwrap();
        let date = jiff::civil::date(2013, 8, 28);
        let lines = (0..PARCELS).map(line).collect();
        let file = ClearingFile { network: "alpha".into(), date, currency, lines };
        let list = (0..PARCELS).map(|place| format!("1,{place},1,X")).collect();
        Sold { _scratch: scratch, ground, file, list }
    }

    /// Writes down what the network and the terminal say, and compares.
    fn compared(&self) -> Comparison {
        let clearing = self.ground.path("clearing");
        std::fs::create_dir_all(&clearing).unwrap();
        self.file.write(&clearing.join("alpha.csv")).unwrap();
        let list = self.ground.path("approved.csv");
        std::fs::write(&list, self.list.join("\n")).unwrap();
        Comparison::of(&self.ground, &[list]).unwrap()
    }

    /// There is one difference, which has these words.
    #[track_caller]
    fn differs(&self, words: &str) -> Comparison {
        let found = self.compared();
        let [difference] = &found.differences[..] else { panic!("{found:#?}") };
        assert!(difference.contains(words), "{difference}");
        assert!(!found.books_equal());
        let failed = found.verdict().unwrap_err().to_string();
        assert!(failed.contains(difference), "whoever measures is told: {failed}");
        found
    }
}

/// What the network says of a sale.
fn line(place: u32) -> ClearingLine {
    ClearingLine {
        rrn: *b"FWCMDD209628",
        stan: STAN + place,
        sent_s: AT_MS / 1_000,
        terminal: *b"00000001",
        merchant: MERCHANT.as_bytes().try_into().unwrap(),
        kind: LineKind::Sale,
        amount: i64::try_from(goods::amount(1, place).minor()).unwrap(),
        kept_back: 0,
    }
}

#[test]
fn books_that_say_the_same_are_equal() {
    let found = Sold::new().compared();
    assert_eq!(found.differences, Vec::<String>::new());
    assert!(found.books_equal() && found.verdict().is_ok());
    assert_eq!((found.lost, found.doubled), (0, 0));
}

#[test]
fn one_changed_line_in_the_network_s_book_is_named() {
    let mut sold = Sold::new();
    sold.file.lines[1].kind = LineKind::Reversal;
    sold.file.lines[1].amount = -sold.file.lines[1].amount;
    sold.differs("is Some(Approved) in the books, and -1 times with the network");
    sold.file.lines[1] = line(1);
    sold.file.lines.push(line(2));
    sold.differs("and 2 times with the network");
    sold.file.lines.truncate(2);
    sold.differs("is Some(Approved) in the books, and 0 times with the network");

    let unknown = ClearingLine { stan: 9, ..line(1) };
    sold.file.lines = vec![line(0), line(1), line(2), unknown];
    sold.differs("the network has STAN 000009 of terminal 00000001, and the books have it not so");
}

#[test]
fn a_changed_kind_amount_terminal_or_time_is_named_from_both_sides() {
    let mut sold = Sold::new();
    let refund = ClearingLine { kind: LineKind::Refund, amount: -line(1).amount, ..line(1) };
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
        assert!(other.contains("in the books, and 0 times with the network"), "{other}");
        assert!(found.verdict().is_err());
    }
}

#[test]
fn an_approval_that_the_books_do_not_have_is_lost() {
    let mut sold = Sold::new();
    sold.list.push("2,0,1,X".to_owned());
    let found = sold.differs("1 lost, 0 doubled");
    assert_eq!((found.lost, found.doubled), (1, 0));
}

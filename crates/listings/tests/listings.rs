//! Texts are kept under their digests, matched outside the engine, and matched again by the audit.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use books::{
    BankId, HoldRule, OpenBooks, PersonId, PublishTariff, RegisterBank, RegisterSeller, SellerId,
    SellerKind, SetHoldRule, SettlementCycle, TariffId,
};
use engine::{Actor, Command, CommandOutcome, Engine, Submission, Timestamp};
use listings::{
    OfferText, PUBLIC_TEXTS_FILE, PolicyAudit, ScreenError, StoreError, TextStore, preview,
    screening,
};
use market::{AdmitSeller, CategoryId, DraftOffer, NewVariant, OfferId, PublishMarketProfile};
use money::{Amount, Currency, Rate};
use node::replay::ReplayObserver;
use policy::{ActivatePolicy, PolicyRule, TextPart, TextVerdict};
use screening::TABLES_VERSION;
use screening::file::parse;
use tariff::{BusinessDate, SellerClass, SellerClassNumber, Terms};

const MORNING: Timestamp = Timestamp(1_796_119_200_000);
const SHIPPED: &str = include_str!("../../../policies/advertising-law.toml");
const PEOPLE: [PersonId; 2] = [PersonId(1), PersonId(2)];

struct World {
    directory: tempfile::TempDir,
    engine: Engine,
    journal: Vec<Submission>,
    store: TextStore,
}

impl World {
    fn open() -> World {
        let directory = tempfile::tempdir().unwrap();
        let store = TextStore::open(directory.path()).unwrap();
        let mut world = World { directory, engine: Engine::default(), journal: Vec::new(), store };
        let [first_person, second_person] = PEOPLE;
        let utc_offset_minutes = 480;
        world.give(OpenBooks { utc_offset_minutes, first_person, second_person, trial: false });
        let (bank, currency) = (BankId(1), Currency::CNY);
        world.give(RegisterBank { bank, currency, reference: "bank".to_owned() });
        let class = SellerClass { name: "general".into(), ..SellerClass::default() };
        let [proposed_by, approved_by] = PEOPLE;
        world.give(PublishTariff {
            tariff: TariffId(1),
            version: 1,
            currency: Some(currency),
            from: BusinessDate(0),
            until: None,
            terms: Box::new(Terms { classes: vec![class], ..Terms::default() }),
            reference: "tariff".into(),
            proposed_by,
            approved_by,
        });
        let (jurisdiction, number, rule) = ("CN".parse().unwrap(), 1, HoldRule::AtOnce);
        world.give(SetHoldRule { jurisdiction, number, rule, proposed_by, approved_by });
        let (seller, kind) = (SellerId(1), SellerKind::Individual);
        world.give(RegisterSeller {
            seller,
            kind,
            currency,
            jurisdiction,
            tariff: TariffId(1),
            class: SellerClassNumber(0),
            cycle: SettlementCycle::Daily,
            minimum: Amount::ZERO,
            reference: "seller".to_owned(),
        });
        world.give(Command::of_market(PublishMarketProfile {
            kind,
            currency,
            version: 1,
            from: Timestamp(0),
            identity_proof: false,
            hold_days: 0,
            parcel_amount_max: Amount::of(100_000),
            offers_max: 100,
            promotions: true,
            return_days: 7,
            refusals_max: 0,
            refusal_days: 0,
        }));
        world.give(Command::of_market(AdmitSeller {
            seller,
            currency,
            number: 1,
            kind,
            from: Timestamp(0),
            identity_proved: false,
            delivery_fee: Amount::ZERO,
        }));
        world
    }

    fn give(&mut self, command: impl Into<Command>) {
        let submission = Submission::new(Actor::System, command.into());
        let mut by = submission;
        if let Command::Policy(command) = &by.command {
            let mut first = None;
            command.for_each_person(&mut |_, person| first = first.or(Some(person)));
            by.by = first.map_or(Actor::System, Actor::Person);
        }
        self.engine.apply(&by, MORNING, &mut CommandOutcome::default()).unwrap();
        self.journal.push(by);
    }

    /// An offer with a text, at 50 yuan.
    fn offer(&mut self, id: u64, title: &str) -> OfferText {
        let text = OfferText { title: title.to_owned(), ..OfferText::default() };
        let content = self.store.put(&text).unwrap();
        let (variant, sku) = (market::VariantId(id), "sku".to_owned());
        let price = Amount::of(5_000);
        self.give(Command::of_market(DraftOffer {
            offer: OfferId(id),
            seller: SellerId(1),
            currency: Currency::CNY,
            category: CategoryId(1),
            reference: "offer".into(),
            content,
            variants: vec![NewVariant { variant, sku, price, weight_g: 100 }],
        }));
        text
    }

    fn activate(&mut self, rules: Vec<PolicyRule>) {
        let examples = rules.iter().map(|rule| rule.matches.len() + rule.passes.len());
        let version = ActivatePolicy {
            version: self.engine.policy().last_version() + 1,
            name: "citations".to_owned(),
            from: MORNING.business_date(480),
            examples: u32::try_from(examples.sum::<usize>()).unwrap(),
            rules,
            suspended_after: 3,
            suspended_share: Rate::from_ppm(500_000).unwrap(),
            tables: TABLES_VERSION.to_owned(),
            failing: Vec::new(),
            proposed_by: PEOPLE[0],
            approved_by: PEOPLE[1],
        };
        self.give(Command::of_policy(version));
    }

    fn screen(&mut self, id: u64) -> TextVerdict {
        let found = screening(&self.engine, &self.store, (OfferId(id), None), MORNING).unwrap();
        self.give(Command::of_policy(found));
        self.engine.policy().decisions_about(OfferId(id)).last().unwrap().verdict
    }

    fn audit(&self, journal: &[Submission]) -> PolicyAudit {
        let mut audit = PolicyAudit::open(self.directory.path()).unwrap();
        let (mut engine, mut out) = (Engine::default(), CommandOutcome::default());
        for submission in journal {
            engine.apply(submission, MORNING, &mut out).unwrap();
            audit.command(submission, MORNING, &out, &engine).unwrap();
        }
        audit
    }
}

#[test]
fn what_the_rules_find_points_into_the_text_as_it_was_written() {
    let mut world = World::open();
    world.activate(parse(SHIPPED).unwrap().rules);
    world.offer(1, "女装 最·佳选择");
    assert_eq!(world.screen(1), TextVerdict::Held);
    let decision = world.engine.policy().decision(OfferId(1), 1).unwrap();
    let found = &decision.matches[0];
    let title = "女装 最·佳选择";
    assert_eq!(&title[found.start as usize..found.end as usize], "最·佳");
    assert_eq!((found.part, found.rule.as_str()), (TextPart::Title, "advertising-law-9-3"));
    assert_eq!(found.steps.to_string(), "separators");
    world.offer(2, "女装 今天发货");
    assert_eq!(world.screen(2), TextVerdict::Published);
    // Nothing was ever sold, so nothing is known that it could be a discount from.
    world.offer(3, "女装 全场3折");
    assert_eq!(world.screen(3), TextVerdict::Held);
}

#[test]
fn every_text_that_is_still_there_is_matched_again_the_same() {
    let mut world = World::open();
    world.activate(parse(SHIPPED).unwrap().rules);
    let first = world.offer(1, "国家级品质");
    world.screen(1);
    world.offer(2, "女装");
    world.screen(2);
    let audit = world.audit(&world.journal);
    assert_eq!((audit.counts.matched, audit.counts.erased, audit.counts.versions), (2, 0, 1));
    assert_eq!(audit.violations, Vec::<String>::new());
    assert!(world.store.erase(first.content()).unwrap());
    let audit = world.audit(&world.journal);
    assert_eq!((audit.counts.matched, audit.counts.erased), (1, 1));
    // Somebody gave Doorstep's command with other matches.
    let mut forged = world.journal.clone();
    let last = forged.last_mut().unwrap();
    let Command::Policy(command) = &mut last.command else { panic!("{last:?}") };
    let policy::PolicyCommand::ScreenText(found) = &mut **command else { panic!("{command:?}") };
    found.matches = vec![policy::TextMatch {
        part: TextPart::Title,
        start: 0,
        end: 3,
        rule: "advertising-law-9-3".to_owned(),
        cause: policy::MatchCause::Word("最佳".to_owned()),
        steps: policy::StepSet::NONE,
    }];
    let audit = world.audit(&forged);
    assert_eq!(audit.violations.len(), 1, "{:?}", audit.violations);
    assert!(audit.violations[0].starts_with("M16: text "));
}

#[test]
fn a_text_that_is_damaged_or_not_there_is_not_matched() {
    let mut world = World::open();
    let screen =
        |world: &World, id| screening(&world.engine, &world.store, (OfferId(id), None), MORNING);
    assert!(matches!(screen(&world, 1), Err(ScreenError::NoOffer(_))));
    let text = world.offer(1, "女装");
    assert!(matches!(screen(&world, 1), Err(ScreenError::NoVersion)));
    world.activate(Vec::new());
    screen(&world, 1).unwrap();
    let path = world.directory.path().join(PUBLIC_TEXTS_FILE);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute("UPDATE texts SET text = replace(text, '女', '男')", []).unwrap();
    assert!(matches!(screen(&world, 1), Err(ScreenError::Store(StoreError::Damaged(_)))));
    world.store.erase(text.content()).unwrap();
    assert!(matches!(screen(&world, 1), Err(ScreenError::NoText(..))));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let opened = TextStore::open(world.directory.path());
    assert!(matches!(opened, Err(StoreError::ReadableByOthers(_))));
}

#[test]
fn texts_that_cannot_be_published_are_not_kept() {
    let mut world = World::open();
    let text = |title: &str| OfferText { title: title.to_owned(), ..OfferText::default() };
    let cases = [
        (text(" "), "the title is empty: write one".to_owned()),
        (
            text("a\u{202e}b"),
            "the title: byte 1 of the text changes the direction of writing; remove that character"
                .to_owned(),
        ),
        (
            OfferText { captions: vec![String::new(); 101], ..text("a") },
            "the offer has more than 100 captions: leave some out".to_owned(),
        ),
        (
            OfferText { description: "a".repeat(1 << 20), ..text("a") },
            "the description: the text has 1048576 bytes; shorten it to 65536".to_owned(),
        ),
    ];
    for (text, expected) in cases {
        let refused = world.store.put(&text).unwrap_err();
        assert!(matches!(refused, StoreError::Text(_)));
        assert_eq!(refused.to_string(), expected);
    }
    assert!(!world.directory.path().join(PUBLIC_TEXTS_FILE).exists(), "nothing was kept");
}

#[test]
fn a_preview_counts_what_a_version_would_catch_and_free() {
    let mut world = World::open();
    let rules = parse(SHIPPED).unwrap().rules;
    world.activate(rules.clone());
    for (id, title) in [(1, "国家级品质"), (2, "女装"), (3, "连衣裙"), (4, "第一批到货")]
    {
        world.offer(id, title);
        world.screen(id);
    }
    // A list that blocks ordinary words, as those of the web do.
    let mut bad = rules[1].clone();
    (bad.id, bad.discount) = ("over-blocking".to_owned(), false);
    bad.words = vec!["女".to_owned(), "第一".to_owned()];
    let date = MORNING.business_date(480);
    let found = preview(&world.engine, &world.store, (&[bad], date), (10, 7)).unwrap();
    assert_eq!((found.texts, found.erased), (4, 0));
    let counts = found.individual;
    assert_eq!((counts.caught, counts.freed, counts.stopped), (2, 1, 0));
    assert_eq!(found.business.texts, 0);
    let titles: Vec<&str> = found.sample.iter().map(|one| one.title.as_str()).collect();
    assert_eq!(titles, ["国家级品质", "女装", "第一批到货"]);
    let few = preview(&world.engine, &world.store, (&rules, date), (10, 7)).unwrap();
    assert_eq!((few.individual.stopped, few.sample.len()), (1, 0), "the same rules");
    assert_eq!(world.engine.policy().decision_count(), 4, "nothing was decided");
}

//! A week of the policy: sellers list offers and some evade, people decide and appeal, a bad rule
//! is previewed and refused, a rule is suspended by its reversals, another ends, a version follows.
//! The report is recomputed by another program from the export.

use std::path::PathBuf;

use books::{
    BankId, BusinessDate, HoldRule, OpenBooks, PersonId, PublishTariff, RegisterBank,
    RegisterPerson, RegisterSeller, SellerId, SellerKind, SetHoldRule, SettlementCycle, TariffId,
};
use engine::{Actor, Command, Engine, Refusal, Submission, Timestamp};
use journal::DataDirectory;
use listings::{OfferText, TextStore, TextToScreen, preview, rescreen};
use market::{
    AdmitSeller, CategoryId, DraftOffer, NewVariant, OfferId, OfferState, PublishMarketProfile,
    SetOfferState, VariantId,
};
use money::{Amount, Currency, Rate};
use node::{Node, NodeClient, NodeOptions};
use policy::*;
use screening::TABLES_VERSION;
use screening::file::parse;
use serde_json::Value;
use tariff::{SellerClass, SellerClassNumber, Terms};

use super::independent::python;
use super::support::{Bed, Ran};

const RECOMPUTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/policy_recomputed.py");
const SHIPPED: &str = include_str!("../../../../policies/advertising-law.toml");
/// 1 December 2026, ten in the morning in Shanghai.
const MORNING: Timestamp = Timestamp(1_796_090_400_000);
const DAY_MS: u64 = 86_400_000;
const MINUTE_MS: u64 = 60_000;
const DAYS: u16 = 7;
const OFFERS_A_DAY: u64 = 24;
const AUTHOR: PersonId = PersonId(1);
const APPROVER: PersonId = PersonId(2);
const FIRST: PersonId = PersonId(3);
const SECOND: PersonId = PersonId(4);
/// Rules of the house beside the law: one ends after four days, one is too wide.
const HOUSE: &str = r#"
[[rule]]
id = "contact-outside"
baseline = "citizens_rights"
jurisdiction = "house"
source = "house rule"
category = "SCAMS_AND_FRAUD"
text = "A listing names no way to pay outside the shop."
effect = "refuse"
steps = ["nfkc", "width", "case", "zero_width", "traditional", "separators"]
words = ["加微信"]
matches = ["加微信优惠", "加 微 信"]
passes = ["女装", "加绒加厚"]

[[rule]]
id = "pre-owned"
baseline = "accuracy"
jurisdiction = "house"
source = "house rule"
text = "Used goods are labelled."
effect = "label"
steps = ["nfkc", "width", "traditional"]
words = ["二手"]
matches = ["二手相机"]
passes = ["第二册"]

[[rule]]
id = "season"
baseline = "public_order"
jurisdiction = "house"
source = "house rule"
text = "Until the sale begins its goods are looked at."
effect = "hold"
until = "2026-12-05"
steps = ["nfkc"]
words = ["圣诞"]
matches = ["圣诞树"]
passes = ["元旦"]

[[rule]]
id = "superlatives"
baseline = "accuracy"
jurisdiction = "house"
source = "house rule"
category = "CONSUMER_INFORMATION"
text = "No first places."
effect = "refuse"
steps = ["nfkc"]
words = ["第一"]
matches = ["销量第一"]
passes = ["一等奖"]
"#;
const GOODS: [&str; 8] =
    ["连衣裙", "儿童雨靴", "绿茶", "陶瓷茶壶", "面霜", "积木", "相机", "男士衬衫"];
/// What sellers add to a title. The law's words are evaded in several ways.
const ADDED: [&str; 14] = [
    "",
    "",
    "",
    "正面图",
    "国家级品质",
    "國家級品質",
    "国 家 级",
    "国家级",
    "最·佳选择",
    "加微信优惠",
    "二手",
    "圣诞特惠",
    "第一批到货",
    "第一次穿",
];

struct PolicyWeek {
    client: NodeClient,
    data: PathBuf,
    store: TextStore,
    at: Timestamp,
    /// Of chance: the same each time.
    state: u64,
    offers: u64,
}

impl PolicyWeek {
    fn chance(&mut self, of: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.state >> 33) % of
    }

    fn give(&mut self, by: Actor, command: impl Into<Command>) -> Result<(), Refusal> {
        self.at = Timestamp(self.at.0 + MINUTE_MS);
        let submission = Submission::new(by, command.into());
        let answers = self.client.execute(vec![(Some(self.at), submission)]).unwrap();
        answers.into_iter().next().unwrap().map(|_| ())
    }

    #[track_caller]
    fn must(&mut self, by: Actor, command: impl Into<Command>) {
        let done = self.give(by, command);
        assert_eq!(done, Ok(()));
    }

    fn ask<T: Send + 'static>(&self, question: impl FnOnce(&Engine) -> T + Send + 'static) -> T {
        self.client.query(question).unwrap().0
    }

    fn today(&self) -> BusinessDate {
        self.at.business_date(480)
    }

    fn open(&mut self) {
        let (first_person, second_person) = (AUTHOR, APPROVER);
        let system = Actor::System;
        self.must(
            system,
            OpenBooks { utc_offset_minutes: 480, first_person, second_person, trial: true },
        );
        let (proposed_by, approved_by) = (AUTHOR, APPROVER);
        for person in [FIRST, SECOND] {
            self.must(Actor::Person(AUTHOR), RegisterPerson { person, proposed_by, approved_by });
        }
        let currency = Currency::CNY;
        self.must(system, RegisterBank { bank: BankId(1), currency, reference: "bank".into() });
        let class = SellerClass { name: "general".into(), ..SellerClass::default() };
        self.must(
            Actor::Person(AUTHOR),
            PublishTariff {
                tariff: TariffId(1),
                version: 1,
                currency: Some(currency),
                from: BusinessDate(0),
                until: None,
                terms: Box::new(Terms { classes: vec![class], ..Terms::default() }),
                reference: "tariff".into(),
                proposed_by,
                approved_by,
            },
        );
        let (jurisdiction, number, rule) = ("CN".parse().unwrap(), 1, HoldRule::AtOnce);
        let hold = SetHoldRule { jurisdiction, number, rule, proposed_by, approved_by };
        self.must(Actor::Person(AUTHOR), hold);
        for kind in [SellerKind::Individual, SellerKind::Business] {
            let profile = PublishMarketProfile {
                kind,
                currency,
                version: 1,
                from: Timestamp(0),
                identity_proof: false,
                hold_days: 0,
                parcel_amount_max: Amount::of(100_000),
                offers_max: 1_000,
                promotions: true,
                return_days: 7,
                refusals_max: 0,
                refusal_days: 0,
            };
            self.must(system, Command::of_market(profile));
            let seller = SellerId(1 + kind as u64);
            let register = RegisterSeller {
                seller,
                kind,
                currency,
                jurisdiction,
                tariff: TariffId(1),
                class: SellerClassNumber(0),
                cycle: SettlementCycle::Daily,
                minimum: Amount::ZERO,
                reference: format!("seller-{}", seller.0),
            };
            self.must(system, register);
            let admit = AdmitSeller {
                seller,
                currency,
                number: 1,
                kind,
                from: Timestamp(0),
                identity_proved: false,
                delivery_fee: Amount::ZERO,
            };
            self.must(system, Command::of_market(admit));
        }
    }

    fn version(&self, number: u32, rules: Vec<PolicyRule>) -> ActivatePolicy {
        let examples = rules.iter().map(|rule| rule.matches.len() + rule.passes.len());
        ActivatePolicy {
            version: number,
            name: format!("house {number}"),
            from: self.today(),
            examples: u32::try_from(examples.sum::<usize>()).unwrap(),
            rules,
            suspended_after: 3,
            suspended_share: Rate::from_ppm(500_000).unwrap(),
            tables: TABLES_VERSION.to_owned(),
            failing: Vec::new(),
            proposed_by: AUTHOR,
            approved_by: APPROVER,
        }
    }

    /// A seller drafts an offer and lists it, if its text may be shown.
    fn list_one(&mut self) {
        self.offers += 1;
        let id = OfferId(self.offers);
        let goods = GOODS[usize::try_from(self.chance(GOODS.len() as u64)).unwrap()];
        let added = ADDED[usize::try_from(self.chance(ADDED.len() as u64)).unwrap()];
        let title = format!("{goods} {} {added}", self.offers);
        let content = self.store.put(&OfferText { title, ..OfferText::default() }).unwrap();
        let seller = SellerId(1 + self.chance(2));
        let (variant, sku) = (VariantId(id.0), "one".to_owned());
        let draft = DraftOffer {
            offer: id,
            seller,
            currency: Currency::CNY,
            category: CategoryId(1),
            reference: format!("o-{}", id.0),
            content,
            variants: vec![NewVariant { variant, sku, price: Amount::of(5_000), weight_g: 100 }],
        };
        self.must(Actor::System, Command::of_market(draft));
        self.screen(id);
        let state = OfferState::Listed;
        let listed = SetOfferState { offer: id, number: 1, state };
        let listed = self.give(Actor::System, Command::of_market(listed));
        let shown = self.ask(move |engine| {
            engine.policy().decisions_about(id).last().unwrap().verdict.is_shown()
        });
        assert_eq!(listed.is_ok(), shown, "{listed:?}");
    }

    fn screen(&mut self, offer: OfferId) {
        let at = self.at;
        let text = self.ask(move |engine| TextToScreen::of(engine, (offer, None), at));
        let found = text.unwrap().screen(&self.store).unwrap();
        self.must(Actor::System, Command::of_policy(found));
    }

    /// Rules of both versions that are suspended.
    fn suspensions(&mut self) -> usize {
        self.ask(|engine| {
            let policy = engine.policy();
            let of = |version: &ActivatePolicy| {
                let is =
                    |rule: &&PolicyRule| policy.suspension(version.version, &rule.id).is_some();
                version.rules.iter().filter(is).count()
            };
            policy.versions().map(of).sum()
        })
    }

    fn screen_again(&mut self) -> u64 {
        let at = Timestamp(self.at.0 + MINUTE_MS);
        self.at = at;
        let done = rescreen(&mut self.client, &self.store, Some(at)).unwrap();
        assert_eq!((done.missing, done.changed), (0, 0));
        let again = rescreen(&mut self.client, &self.store, Some(at)).unwrap();
        assert_eq!(again.matched, 0, "nothing is left to match again");
        done.matched
    }

    /// People decide about some held texts, sellers appeal, and others judge.
    fn people(&mut self) {
        let held: Vec<TextDecision> =
            self.ask(|engine| engine.policy().held_texts().cloned().collect());
        for one in held {
            if self.chance(3) == 0 {
                continue;
            }
            let judgement = match self.chance(3) {
                0 => TextJudgement::Publish,
                1 => TextJudgement::Label,
                _ => TextJudgement::Refuse,
            };
            let decided_by = if self.chance(2) == 0 { FIRST } else { SECOND };
            let offer = one.offer;
            let number = self.ask(move |engine| engine.policy().next_decision(offer));
            let decided = DecideText {
                offer,
                number,
                content: one.content,
                judgement,
                rule: None,
                spans: Vec::new(),
                origin: DecisionOrigin::OwnInitiative,
                decided_by,
            };
            self.must(Actor::Person(decided_by), Command::of_policy(decided));
        }
        let contested: Vec<TextDecision> = self.ask(|engine| {
            engine.policy().decisions().filter(|one| one.is_appealable()).cloned().collect()
        });
        for one in contested {
            if self.chance(3) != 0 {
                continue;
            }
            let TextDecision { seller, offer, number: decision, .. } = one;
            let reason = AppealReason::OtherMeaning;
            let appeal = AppealText { seller, offer, decision, reason };
            let by = Actor::Person(FIRST);
            self.must(by, Command::of_policy(appeal.clone()));
            let of_another = AppealText { seller: SellerId(9), ..appeal };
            assert!(self.give(by, Command::of_policy(of_another)).is_err());
        }
        let open: Vec<TextDecision> =
            self.ask(|engine| engine.policy().open_appeals().cloned().collect());
        for one in open {
            if self.chance(4) == 0 {
                continue;
            }
            let is_wide = one.rules.iter().any(|rule| rule == "superlatives");
            let judgement = match (is_wide, self.chance(3)) {
                (true, _) | (_, 0) => TextJudgement::Publish,
                (_, 1) => TextJudgement::Label,
                _ => TextJudgement::Refuse,
            };
            let judged_by = if one.by == Some(FIRST) { SECOND } else { FIRST };
            let judged =
                JudgeAppeal { offer: one.offer, decision: one.number, judgement, judged_by };
            if let Some(by) = one.by {
                let own = JudgeAppeal { judged_by: by, ..judged.clone() };
                let refused = self.give(Actor::Person(by), Command::of_policy(own));
                assert_eq!(refused, Err(books::Refusal::SamePerson.into()), "another person");
            }
            self.must(Actor::Person(judged_by), Command::of_policy(judged));
        }
    }
}

fn rules() -> Vec<PolicyRule> {
    parse(&(SHIPPED.to_owned() + HOUSE)).unwrap().rules
}

#[test]
fn a_week_of_the_policy_has_the_report_that_another_program_computes() {
    let bed = Bed::new();
    let directory = DataDirectory::create(&bed.path("books")).unwrap();
    let journal = Box::new(directory.journal().unwrap());
    let snapshots = Box::new(directory.snapshots().unwrap());
    let node = Node::start(journal, snapshots, NodeOptions::default()).unwrap();
    let data = bed.path("books");
    let store = TextStore::open(&data).unwrap();
    let (client, state) = (node.client(), 17);
    let mut week = PolicyWeek { client, data, store, at: MORNING, state, offers: 0 };
    week.open();
    // Some offers are listed before there is a policy.
    for _ in 0..6 {
        week.list_before();
    }
    let first = week.version(1, rules());
    week.must(Actor::Person(AUTHOR), Command::of_policy(first));
    assert!(week.screen_again() >= 6, "what was listed before is matched");
    let (mut suspended, mut screened) = (Vec::new(), 0);
    for day in 0..DAYS {
        week.at = Timestamp(MORNING.0 + u64::from(day) * DAY_MS).max(week.at);
        // A rule that ended frees what it held, and so does one that was suspended since.
        let freed = week.screen_again();
        let ended = (day == 4) || week.suspensions() > screened;
        assert!(ended || freed == 0, "day {day}: {freed}");
        assert!(day != 4 || freed > 0, "the season is over");
        screened = week.suspensions();
        for _ in 0..OFFERS_A_DAY {
            week.list_one();
        }
        if day == 3 {
            week.bad_rules_are_refused();
        }
        week.people();
        let one = week.ask(|engine| {
            let suspended = |rule: &str| engine.policy().suspension(1, rule);
            suspended("superlatives").map(|suspended| suspended.by)
        });
        if one.is_some() && suspended.is_empty() {
            assert_eq!(one, Some(None), "by its reversals");
            assert!(week.screen_again() > 0, "what the rule alone refused is free");
            screened = week.suspensions();
        }
        suspended.extend(one);
        if day == 5 {
            // Used goods are no longer labelled; plates of porcelain are looked at.
            let mut next = rules();
            next.retain(|rule| rule.id != "pre-owned" && rule.id != "superlatives");
            let mut porcelain = next.iter().find(|one| one.id == "season").unwrap().clone();
            let example = |text: &str| vec![RuleExample { text: text.into(), price: None }];
            porcelain.id = "porcelain".into();
            (porcelain.until, porcelain.words) = (None, vec!["陶瓷".into()]);
            (porcelain.matches, porcelain.passes) = (example("陶瓷茶壶"), example("绿茶"));
            next.push(porcelain);
            let next = week.version(2, next);
            week.must(Actor::Person(AUTHOR), Command::of_policy(next));
            assert!(week.screen_again() > 0);
            let paused = week.ask(|engine| {
                let stopped = |one: &&TextDecision| one.rules.iter().any(|it| it == "porcelain");
                engine.policy().held_texts().filter(stopped).filter(|one| one.paused).count()
            });
            assert!(paused > 0, "what is newly caught is no longer listed");
        }
        if day == 6 {
            for (number, kind) in [(1, SampleKind::Passed), (2, SampleKind::Stopped)] {
                let (from, until) = (BusinessDate(0), week.today());
                let drawn = DrawSample { number, kind, from, until, size: 10, seed: 5 };
                week.must(Actor::Person(FIRST), Command::of_policy(drawn));
            }
        }
    }
    assert!(!suspended.is_empty(), "the wide rule was never suspended");
    let until = week.today();
    node.stop().unwrap();
    drop(week);
    drop(directory);
    assert!(bed.command("chmod").args(["-R", "go=", "books"]).status().unwrap().success());
    recomputed(&bed, &until.to_string());
}

impl PolicyWeek {
    fn list_before(&mut self) {
        self.offers += 1;
        let id = OfferId(self.offers);
        let title = format!("{} {}", GOODS[usize::try_from(self.offers % 8).unwrap()], self.offers);
        let content = self.store.put(&OfferText { title, ..OfferText::default() }).unwrap();
        let (variant, sku) = (VariantId(id.0), "one".to_owned());
        let draft = DraftOffer {
            offer: id,
            seller: SellerId(1),
            currency: Currency::CNY,
            category: CategoryId(1),
            reference: format!("o-{}", id.0),
            content,
            variants: vec![NewVariant { variant, sku, price: Amount::of(5_000), weight_g: 100 }],
        };
        self.must(Actor::System, Command::of_market(draft));
        let listed = SetOfferState { offer: id, number: 1, state: OfferState::Listed };
        self.must(Actor::System, Command::of_market(listed));
    }

    /// A rule that blocks ordinary words is previewed; one whose example fails, and one by a single
    /// person, are refused.
    fn bad_rules_are_refused(&mut self) {
        let wide = HOUSE.replace("[\"第一\"]", "[\"裙\", \"茶\", \"一\"]");
        let wide = wide.replace("[\"一等奖\"]", "[\"相机\"]").replace("销量第一", "绿茶");
        let wide = parse(&(SHIPPED.to_owned() + &wide)).unwrap().rules;
        let (store, date) = (TextStore::open(&self.data).unwrap(), self.today());
        let found =
            self.ask(move |engine| preview(engine, &store, (&wide, date), (20, 3))).unwrap();
        let caught = found.individual.caught + found.business.caught;
        assert!(caught > 10, "{caught} texts would be stopped: the rule is too wide");
        assert_eq!(found.sample.len(), 20);
        let failing = HOUSE.replace("[\"一等奖\"]", "[\"第一等奖\"]");
        let said = parse(&(SHIPPED.to_owned() + &failing)).unwrap_err().to_string();
        assert!(said.contains("must not match and does"), "{said}");
        let mut forced = self.version(2, rules());
        forced.failing =
            vec![FailingExample { rule: "superlatives".into(), text: "第一等奖".into() }];
        let by = Actor::Person(AUTHOR);
        assert!(self.give(by, Command::of_policy(forced)).is_err());
        let mut alone = self.version(2, rules());
        alone.approved_by = AUTHOR;
        assert!(self.give(by, Command::of_policy(alone)).is_err());
    }
}

/// Another program computes the report from the exported views.
fn recomputed(bed: &Bed, until: &str) {
    bed.export_views("books", "text_decisions text_rules text_appeals");
    let (from, days) = ("2026-12-01", format!("--from 2026-12-01 --until {until}"));
    let report = bed.run(&format!("policy report {days} --data books --json")).succeeds();
    bed.write("exported/report.json", report.stdout());
    let files = format!("policy report {days} --data books --csv exported --service Doorstep");
    bed.run(&files).succeeds();
    // The figures of a day in the daily report are recomputed, too.
    let day = bed.run("pulse run --data books --day 2026-12-03 --json").succeeds();
    bed.write("exported/figures.json", day.stdout());
    let mut program = bed.command(python().to_str().unwrap());
    program.arg(RECOMPUTED).arg(bed.path("exported")).args([from, until]);
    let found: Value = Ran::of_long(&mut program).succeeds().json();
    assert_eq!(found["faults"], serde_json::json!([]), "{found}");
    for (name, least) in [
        ("decisions", 150),
        ("by_people", 10),
        ("appeals", 10),
        ("reversed", 4),
        ("paused", 1),
        ("of_a_day", 8),
    ] {
        assert!(found[name].as_u64().unwrap() >= least, "{found}");
    }
    // Every text matches as on its day.
    let verified = bed.run("verify --policy --data books --json").succeeds().json();
    assert_eq!(verified["wrong"], serde_json::json!([]), "{verified}");
}

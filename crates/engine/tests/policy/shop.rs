//! Books with a seller, an offer of two units, and a policy with three rules.

use books::{
    BusinessDate, FirmId, HoldRule, Jurisdiction, OpenBooks, PersonId, PublishTariff, RegisterBank,
    RegisterFirm, RegisterPerson, RegisterSeller, SellerId, SellerKind, SetHoldRule,
    SettlementCycle, Sha256Digest, TariffId,
};
use engine::{
    Actor, Applied, Command, CommandOutcome, Engine, Refusal, RequestKey, Submission, Timestamp,
};
use market::*;
use money::{Amount, Currency, Rate};
use policy::*;
use tariff::{SellerClass, SellerClassNumber, Terms};

/// 28 August 2013, nine in the morning in Shanghai.
pub const MORNING: Timestamp = Timestamp(1_377_651_600_000);
pub const DAY_MS: u64 = 86_400_000;
pub const FIRST: PersonId = PersonId(902);
pub const SECOND: PersonId = PersonId(903);
pub const THIRD: PersonId = PersonId(904);
pub const SELLER: SellerId = SellerId(1);
pub const OFFER: OfferId = OfferId(1);
pub const TABLES: &str = "tables 1";

pub struct TextShop {
    pub engine: Engine,
    pub at: Timestamp,
    /// Everything that was carried out.
    pub journal: Vec<(Timestamp, Submission)>,
}

pub fn text(number: u8) -> Sha256Digest {
    Sha256Digest([number; 32])
}

pub fn day(number: u16) -> BusinessDate {
    MORNING.business_date(480).plus_days(number)
}

pub fn rule(id: &str, effect: RuleEffect, word: &str) -> PolicyRule {
    let example = |text: &str| vec![RuleExample { text: text.to_owned(), price: None }];
    PolicyRule {
        id: id.to_owned(),
        baseline: Baseline::Accuracy,
        jurisdiction: "CN".to_owned(),
        source: HOUSE_RULE.to_owned(),
        text: format!("No {word}."),
        effect,
        category: None,
        from: BusinessDate(0),
        until: None,
        steps: StepSet::NONE,
        words: vec![word.to_owned()],
        allow: Vec::new(),
        patterns: Vec::new(),
        discount: false,
        matches: example(word),
        passes: example("coat"),
    }
}

/// The match of a rule's word in the title.
pub fn found(rule: &PolicyRule) -> TextMatch {
    let cause = MatchCause::Word(rule.words[0].clone());
    let (part, steps) = (TextPart::Title, StepSet::NONE);
    TextMatch { part, start: 0, end: 3, rule: rule.id.clone(), cause, steps }
}

pub fn rules() -> [PolicyRule; 3] {
    [
        rule("cures", RuleEffect::Hold, "cure"),
        rule("pre-owned", RuleEffect::Label, "used"),
        rule("weapons", RuleEffect::Refuse, "gun"),
    ]
}

impl TextShop {
    pub fn open() -> TextShop {
        let mut shop = TextShop { engine: Engine::default(), at: MORNING, journal: Vec::new() };
        let (first_person, second_person) = (FIRST, SECOND);
        let utc_offset_minutes = 480;
        shop.must(OpenBooks { utc_offset_minutes, first_person, second_person, trial: false });
        let (proposed_by, approved_by) = (FIRST, SECOND);
        shop.must(RegisterPerson { person: THIRD, proposed_by, approved_by });
        let (bank, currency) = (books::BankId(1), Currency::CNY);
        shop.must(RegisterBank { bank, currency, reference: "bank".to_owned() });
        let class = SellerClass { name: "general".into(), ..SellerClass::default() };
        shop.must(PublishTariff {
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
        let jurisdiction: Jurisdiction = "CN".parse().unwrap();
        let hold = HoldRule::AtOnce;
        shop.must(SetHoldRule { jurisdiction, number: 1, rule: hold, proposed_by, approved_by });
        shop.must(RegisterFirm {
            firm: FirmId(1),
            currency,
            guarantee: Amount::ZERO,
            reference: "firm".to_owned(),
            proposed_by,
            approved_by,
        });
        let kind = SellerKind::Business;
        shop.must(RegisterSeller {
            seller: SELLER,
            kind,
            currency,
            jurisdiction,
            tariff: TariffId(1),
            class: SellerClassNumber(0),
            cycle: SettlementCycle::Daily,
            minimum: Amount::ZERO,
            reference: "seller".to_owned(),
        });
        shop.market(PublishMarketProfile {
            kind,
            currency,
            version: 1,
            from: Timestamp(0),
            identity_proof: true,
            hold_days: 0,
            parcel_amount_max: Amount::of(100_000),
            offers_max: 10,
            promotions: true,
            return_days: 7,
            refusals_max: 0,
            refusal_days: 0,
        });
        shop.market(AdmitSeller {
            seller: SELLER,
            currency,
            number: 1,
            kind,
            from: Timestamp(0),
            identity_proved: true,
            delivery_fee: Amount::ZERO,
        });
        let (variant, sku, price) = (VariantId(1), "sku".to_owned(), Amount::of(5_000));
        shop.market(DraftOffer {
            offer: OFFER,
            seller: SELLER,
            currency,
            category: CategoryId(1),
            reference: "offer".into(),
            content: text(1),
            variants: vec![NewVariant { variant, sku, price, weight_g: 100 }],
        });
        let (quantity, reason) = (10, StockReason::Received);
        shop.market(AdjustStock { variant, number: 1, quantity, reason });
        shop
    }

    /// The same, with [`rules`] in force.
    pub fn with_policy() -> TextShop {
        let mut shop = TextShop::open();
        shop.policy(shop.version(rules().to_vec()));
        shop
    }

    pub fn version(&self, rules: Vec<PolicyRule>) -> ActivatePolicy {
        ActivatePolicy {
            version: self.engine.policy().last_version() + 1,
            name: "house".to_owned(),
            from: self.at.business_date(480),
            examples: 2 * u32::try_from(rules.len()).unwrap(),
            rules,
            suspended_after: 2,
            suspended_share: Rate::from_ppm(500_000).unwrap(),
            tables: TABLES.to_owned(),
            failing: Vec::new(),
            proposed_by: FIRST,
            approved_by: SECOND,
        }
    }

    pub fn give(&mut self, submission: Submission) -> Result<(Applied, CommandOutcome), Refusal> {
        let mut out = CommandOutcome::default();
        let before = (self.engine.digest(), self.engine.fingerprint());
        let books = self.engine.books().totals().to_vec();
        let applied = self.engine.apply(&submission, self.at, &mut out);
        match &applied {
            Ok(Applied::CarriedOut) => {
                let of_policy = matches!(submission.command, Command::Policy(_));
                if of_policy {
                    assert_eq!(out.books, Default::default(), "a decision touches no money");
                    assert_eq!(self.engine.books().totals(), books);
                }
                self.journal.push((self.at, submission));
            }
            _ => {
                let after = (self.engine.digest(), self.engine.fingerprint());
                assert_eq!(after, before, "nothing changed");
            }
        }
        assert_eq!(self.engine.check(), Ok(()));
        applied.map(|applied| (applied, out))
    }

    #[track_caller]
    pub fn must(&mut self, command: impl Into<Command>) -> CommandOutcome {
        self.give(Submission::new(Actor::System, command)).unwrap().1
    }

    #[track_caller]
    pub fn market(&mut self, command: impl Into<MarketCommand>) -> CommandOutcome {
        self.must(Command::of_market(command))
    }

    /// As the person whom it names first, or as Doorstep.
    fn policy_submission(command: impl Into<PolicyCommand>) -> Submission {
        let command = command.into();
        let mut by = Actor::System;
        command.for_each_person(&mut |_, person| by = Actor::Person(person));
        if let PolicyCommand::AppealText(_) = command {
            by = Actor::Person(THIRD);
        }
        Submission::new(by, Command::of_policy(command))
    }

    #[track_caller]
    pub fn policy(&mut self, command: impl Into<PolicyCommand>) -> Vec<PolicyEvent> {
        self.give(TextShop::policy_submission(command)).unwrap().1.policy
    }

    #[track_caller]
    pub fn refused(&mut self, command: impl Into<PolicyCommand>) -> Refusal {
        self.give(TextShop::policy_submission(command)).unwrap_err()
    }

    #[track_caller]
    pub fn refused_by_policy(&mut self, command: impl Into<PolicyCommand>) -> PolicyRefusal {
        match self.refused(command) {
            Refusal::Policy(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    /// What the rules found in a text of the offer.
    pub fn screening(&self, content: Sha256Digest, matches: Vec<TextMatch>) -> ScreenText {
        let policy = self.engine.policy();
        ScreenText {
            offer: OFFER,
            number: policy.next_decision(OFFER),
            content,
            version: policy.in_force(self.at.business_date(480)).unwrap().version,
            tables: TABLES.to_owned(),
            prices: self.engine.offer_prices(OFFER),
            matches,
        }
    }

    pub fn decision(&self, content: Sha256Digest, judgement: TextJudgement) -> DecideText {
        DecideText {
            offer: OFFER,
            number: self.engine.policy().next_decision(OFFER),
            content,
            judgement,
            rule: None,
            spans: Vec::new(),
            origin: DecisionOrigin::OwnInitiative,
            decided_by: FIRST,
        }
    }

    pub fn appeal(decision: u32) -> AppealText {
        let (seller, offer, reason) = (SELLER, OFFER, AppealReason::OtherMeaning);
        AppealText { seller, offer, decision, reason }
    }

    pub fn judged(decision: u32, judgement: TextJudgement, judged_by: PersonId) -> JudgeAppeal {
        JudgeAppeal { offer: OFFER, decision, judgement, judged_by }
    }

    pub fn set_state(&self, state: OfferState) -> Submission {
        let number = self.engine.market().offer_view(OFFER).unwrap().changes + 1;
        let command = SetOfferState { offer: OFFER, number, state };
        Submission::new(Actor::System, Command::of_market(command))
    }

    pub fn list(&mut self) -> Result<(Applied, CommandOutcome), Refusal> {
        self.give(self.set_state(OfferState::Listed))
    }

    pub fn state(&self) -> OfferState {
        self.engine.market().offer_view(OFFER).unwrap().state
    }

    pub fn checkout(&mut self, order: u64) -> Result<(Applied, CommandOutcome), Refusal> {
        let command = Command::of_market(Checkout {
            order: OrderId(order),
            buyer: BuyerToken([7; 16]),
            currency: Currency::CNY,
            lines: vec![CartLine { variant: VariantId(1), quantity: 1 }],
            coupons: Vec::new(),
            reservation: None,
            total: Amount::of(5_000),
        });
        self.give(Submission::new(Actor::System, command))
    }

    pub fn keyed(command: impl Into<PolicyCommand>, key: &str) -> Submission {
        let request_key = Some(RequestKey::new(key).unwrap());
        Submission { request_key, ..TextShop::policy_submission(command) }
    }
}

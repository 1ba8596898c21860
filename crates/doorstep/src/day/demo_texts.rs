//! Offers of the demonstration with public texts, and an example of a policy that has something to
//! say about them: one text is held, one refused and contested, one labelled, one shown.

use std::path::Path;

use anyhow::{Context, anyhow};
use books::{PersonId, SellerId, SellerKind};
use engine::{Actor, Command, Engine, Submission, Timestamp};
use listings::{OfferText, TextStore, TextToScreen, rescreen};
use market::{
    AdmitSeller, CategoryId, DraftOffer, NewVariant, OfferId, OfferState, PublishMarketProfile,
    SetOfferState, VariantId,
};
use money::{Amount, Currency, Rate};
use node::{Clock, NodeClient, SystemClock};
use policy::{ActivatePolicy, AppealReason, AppealText, PolicyRule};
use screening::TABLES_VERSION;
use screening::file::parse;
use sim::{APPROVER, PLANNER};

/// The rules that come with Doorstep, and the example of a house's. In the demonstration all of
/// them hold from its day on.
const POLICIES: [&str; 2] = [
    include_str!("../../../../policies/advertising-law.toml"),
    include_str!("../../../../policies/example-house.toml"),
];
const SUSPENDED_SHARE_PPM: u32 = 500_000;
/// Beyond those of the shop.
const FIRST_OFFER: u64 = 900_001;
const PARCEL_AMOUNT_MAX: u64 = 100_000;
/// Title, description and price of each offer.
const OFFERS: [(&str, &str, u64); 5] = [
    ("连衣裙 Summer dress", "棉质，三种尺码。Cotton, three sizes.", 12_900),
    ("绿茶 国家级品质", "明前采摘。Picked before the rains.", 8_800),
    ("面霜 Face cream", "孕妇可用。加 微 信 优惠，另送小样。", 5_900),
    ("二手相机 Pre-owned camera", "快门一万次。10,000 exposures.", 89_000),
    ("儿童雨靴 最·佳选择", "防滑。Will not slip.", 6_900),
];

/// Gives the commands, unless the books have a policy already. `by` acts for the seller.
pub(super) fn fill(
    client: &mut NodeClient,
    data: &Path,
    (seller, by): (SellerId, PersonId),
) -> anyhow::Result<()> {
    let look = move |engine: &Engine| {
        let own = engine.books().seller_accounts().find(|(id, _)| *id == seller);
        let currency = own.map(|(_, currency)| currency);
        let is_admitted = currency.is_some_and(|currency| {
            engine.market().seller_kind(seller, currency, engine.last_at()).is_some()
        });
        (currency, engine.policy().last_version() == 0, is_admitted)
    };
    let ((currency, is_new, is_admitted), _) = client.query(look)?;
    let Some(currency) = currency.filter(|_| is_new) else { return Ok(()) };
    let system = Actor::System;
    for kind in [SellerKind::Individual, SellerKind::Business] {
        // The shop of the night may have published one.
        let _ = must(client, system, Command::of_market(profile(kind, currency)));
    }
    let admit = |kind| AdmitSeller {
        seller,
        currency,
        number: 1,
        kind,
        from: Timestamp(0),
        identity_proved: false,
        delivery_fee: Amount::ZERO,
    };
    // Of which kind the seller is, the day has chosen.
    if !is_admitted {
        must(client, system, Command::of_market(admit(SellerKind::Business)))
            .or_else(|_| must(client, system, Command::of_market(admit(SellerKind::Individual))))?;
    }
    let mut store = TextStore::open(data)?;
    for (number, (title, description, price)) in (FIRST_OFFER..).zip(OFFERS) {
        let text = OfferText {
            title: title.to_owned(),
            description: description.to_owned(),
            ..OfferText::default()
        };
        let (variant, sku) = (VariantId(number), "one".to_owned());
        let draft = DraftOffer {
            offer: OfferId(number),
            seller,
            currency,
            category: CategoryId(1),
            reference: format!("text-{number}"),
            content: store.put(&text)?,
            variants: vec![NewVariant { variant, sku, price: Amount::of(price), weight_g: 500 }],
        };
        must(client, system, Command::of_market(draft))?;
    }
    must(client, Actor::Person(PLANNER), Command::of_policy(version(client)?))?;
    for number in FIRST_OFFER..FIRST_OFFER + OFFERS.len() as u64 {
        let offer = OfferId(number);
        let at = SystemClock.now();
        let look = move |engine: &Engine| {
            TextToScreen::of(engine, (offer, None), at.max(engine.last_at()))
        };
        let found = client.query(look)?.0?.screen(&store)?;
        must(client, system, Command::of_policy(found))?;
        let state = OfferState::Listed;
        let listed = SetOfferState { offer, number: 1, state };
        // What is held or refused is not listed.
        let _ = must(client, system, Command::of_market(listed));
    }
    // What the shop of the night has listed.
    rescreen(client, &store, None)?;
    let refused = client.query(|engine| {
        let decisions = engine.policy().decisions();
        let mut stopped = decisions.filter(|one| one.is_appealable() && !one.verdict.is_shown());
        stopped.next().map(|one| (one.offer, one.number))
    });
    let (offer, decision) = refused?.0.context("the example refuses a text")?;
    let reason = AppealReason::OtherMeaning;
    let appeal = AppealText { seller, offer, decision, reason };
    must(client, Actor::Person(by), Command::of_policy(appeal))
}

fn profile(kind: SellerKind, currency: Currency) -> PublishMarketProfile {
    PublishMarketProfile {
        kind,
        currency,
        version: 1,
        from: Timestamp(0),
        identity_proof: false,
        hold_days: 7,
        parcel_amount_max: Amount::of(PARCEL_AMOUNT_MAX),
        offers_max: 100,
        promotions: true,
        return_days: 7,
        refusals_max: 3,
        refusal_days: 90,
    }
}

fn version(client: &NodeClient) -> anyhow::Result<ActivatePolicy> {
    let now = SystemClock.now();
    let today = client.query(move |engine| engine.books().business_date(now))?;
    let from = today.0.context("the books are not open")?;
    let mut rules: Vec<PolicyRule> = Vec::new();
    for policy in POLICIES {
        rules.extend(parse(policy)?.rules);
    }
    for rule in &mut rules {
        (rule.from, rule.until) = (from, None);
    }
    let examples = rules.iter().map(|rule| rule.matches.len() + rule.passes.len());
    Ok(ActivatePolicy {
        version: 1,
        name: "demonstration: an example, nobody's policy".to_owned(),
        from,
        examples: u32::try_from(examples.sum::<usize>())?,
        rules,
        suspended_after: 3,
        suspended_share: Rate::from_ppm(SUSPENDED_SHARE_PPM).context("a share is at most 1")?,
        tables: TABLES_VERSION.to_owned(),
        failing: Vec::new(),
        proposed_by: PLANNER,
        approved_by: APPROVER,
    })
}

fn must(client: &mut NodeClient, by: Actor, command: Command) -> anyhow::Result<()> {
    let answers = client.execute(vec![(None, Submission::new(by, command))])?;
    let answer = answers.into_iter().next().context("no answer")?;
    answer.map(|_| ()).map_err(|refusal| anyhow!(refusal))
}

//! Orders that the books refuse, and why, in the terms of the order file.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use books::view::{ParcelState, ParcelView};
use books::{AnnounceParcel, MissingRecord, ParcelId, Refusal, SHIPMENTS_PER_ORDER_MAX, SellerId};
use files::orders::OrderParcel;
use files::profile::Profile;
use files::sellers::folded;
use money::decimal::DecimalAmount;
use node::NodeClient;

use crate::chinese;
use crate::words::{Lang, bilingual};

pub fn refused_order(parcel: &OrderParcel, why: &str) -> String {
    let OrderParcel { location, order, .. } = parcel;
    bilingual!("{location}: order `{order}`: {why}", "{location}：订单 `{order}`：{why}")
}

/// Number and state of an order's last shipment, if the books know one.
pub type LastShipment = Option<(u8, ParcelView)>;

pub fn last_shipments(
    client: &NodeClient,
    parcels: &[OrderParcel],
) -> anyhow::Result<Vec<LastShipment>> {
    let first: Vec<ParcelId> = parcels.iter().map(first_shipment).collect();
    let (last, _) = client.query(move |engine| {
        first.into_iter().map(|first| engine.books().last_shipment(first)).collect()
    })?;
    Ok(last)
}

fn first_shipment(parcel: &OrderParcel) -> ParcelId {
    ParcelId::derived(SellerId::derived(&parcel.seller), &parcel.order)
}

const fn is_returned_or_lost(state: ParcelState) -> bool {
    matches!(state, ParcelState::Returned | ParcelState::Lost | ParcelState::Cancelled)
}

/// The announcement of an order's first or last shipment, or of its next one.
pub fn announcement(parcel: &OrderParcel, last: &LastShipment, reship: bool) -> AnnounceParcel {
    let shipment = match last {
        None => 1,
        Some((number, view)) if reship && is_returned_or_lost(view.state) => {
            (number + 1).min(SHIPMENTS_PER_ORDER_MAX)
        }
        Some((number, _)) => *number,
    };
    AnnounceParcel {
        parcel: first_shipment(parcel).shipment(shipment),
        seller: SellerId::derived(&parcel.seller),
        currency: parcel.currency,
        due: parcel.amount_due,
        reference: parcel.order.to_string(),
        shipment,
    }
}

/// The orders of sellers other than one's own, by their places.
pub fn of_other_sellers(
    own: &BTreeSet<SellerId>,
    parcels: &[OrderParcel],
) -> BTreeMap<usize, String> {
    let is_foreign =
        |(_, parcel): &(usize, &OrderParcel)| !own.contains(&SellerId::derived(&parcel.seller));
    let why = |(place, parcel): (usize, &OrderParcel)| {
        let why = bilingual!(
            "its seller `{0}` is not yours, and you send your own orders only; correct the file",
            "其卖家 `{0}` 不是您的，而您只能发送自己的订单；请更正文件",
            parcel.seller
        );
        (place, refused_order(parcel, &why))
    };
    parcels.iter().enumerate().filter(is_foreign).map(why).collect()
}

/// The orders that were announced before for a seller whom the file no longer names, with the
/// places of their new parcels. The books know parcels by seller and order, so their order
/// references are read from the journal.
pub fn changed_sellers(
    client: &NodeClient,
    data: &Path,
    parcels: &[OrderParcel],
) -> anyhow::Result<BTreeMap<usize, String>> {
    let last = last_shipments(client, parcels)?;
    let (known, _) = client.query(|engine| engine.books().known_parcel_count())?;
    if known == 0 || last.iter().all(Option::is_some) {
        return Ok(BTreeMap::new());
    }
    let mut sellers: HashMap<&str, Vec<SellerId>> = HashMap::new();
    for parcel in parcels {
        sellers.entry(&parcel.order).or_default().push(SellerId::derived(&parcel.seller));
    }
    let mut announced: Vec<(String, ParcelId)> = Vec::new();
    reports::read_announcements(data, &mut |one| {
        if sellers.get(&*one.reference).is_some_and(|now| !now.contains(&one.seller)) {
            announced.push((one.reference.clone(), one.parcel));
        }
    })?;
    let (announced, _) = client.query(move |engine| {
        let books = engine.books();
        // Not those that are forgotten.
        let seller = |(order, parcel)| {
            let seller = books.parcel_view(parcel)?.seller;
            Some((order, books.seller_reference(seller)?.to_owned()))
        };
        announced.into_iter().filter_map(seller).collect::<HashMap<String, String>>()
    })?;
    let new = (0..).zip(parcels).zip(&last).filter(|(_, last)| last.is_none());
    let changed = new.filter_map(|((place, parcel), _)| {
        let before = announced.get(&*parcel.order)?;
        let why = bilingual!(
            "it was announced for seller `{before}`, but the file says `{0}`. Correct the file; if \
             sellers number their orders themselves, import with --own-numbers",
            "此前已为卖家 `{before}` 登记，文件中为 `{0}`。请更正文件；\
             若各卖家自行编订单号，请加 --own-numbers",
            parcel.seller
        );
        Some((place, refused_order(parcel, &why)))
    });
    Ok(changed.collect())
}

/// Why the books refuse a parcel, in the terms of the order file.
pub fn why_refused(parcel: &OrderParcel, last: &LastShipment, refusal: &Refusal) -> String {
    let currency = parcel.currency;
    match (refusal, last) {
        (Refusal::ShipmentEnded, Some((number, _))) if *number >= SHIPMENTS_PER_ORDER_MAX => {
            bilingual!(
                "it was shipped {number} times, the most that an order can be; give it another \
                 reference",
                "已发货 {number} 次，达到一个订单的上限；请用另一订单编号"
            )
        }
        (Refusal::ShipmentEnded, Some((number, view))) => {
            let (lang, next) = (Lang::current(), number + 1);
            let ended = match view.state {
                ParcelState::Lost => lang.pick("lost", "丢失"),
                ParcelState::Cancelled => lang.pick("cancelled", "取消"),
                _ => lang.pick("returned", "退件"),
            };
            bilingual!(
                "its parcel was {ended}; to ship it again, import it with --reship: that announces \
                 shipment {next}",
                "其包裹已{ended}；再次发货请加 --reship 导入，登记为第 {next} 次发货"
            )
        }
        (Refusal::IdentifierTaken, Some((_, known))) if known.state == ParcelState::Announced => {
            bilingual!(
                "it was announced with {0} {currency}, but the file says {1}; the books keep the \
                 announced amount. Correct the file, or give the order another reference",
                "已登记的金额为 {0} {currency}，文件中为 {1}；账簿保留已登记的金额。请更正文件，\
                 或给订单另一编号",
                DecimalAmount::of(known.due, currency),
                DecimalAmount::of(parcel.amount_due, currency)
            )
        }
        (Refusal::IdentifierTaken, Some(_)) => bilingual!(
            "it was announced before with another amount; the books keep the announced amount. \
             Correct the file, or give the order another reference",
            "此前已按其他金额登记；账簿保留已登记的金额。请更正文件，或给订单另一编号"
        ),
        (Refusal::CurrencyWithoutAccount(_), _) => bilingual!(
            "its seller `{0}` has no account in {currency}: the books have that seller as an \
             individual or in another country. Register its {currency} account first",
            "卖家 `{0}` 没有 {currency} 账户：账簿中该卖家为个人或属于另一国家。\
             请先登记其 {currency} 账户",
            parcel.seller
        ),
        (refusal, _) => chinese::refusal(refusal, Lang::current()),
    }
}

/// The orders of new sellers whose spelling differs from a seller of the books only in case, spaces
/// or width, with the places of their parcels. A seller that the file of sellers names is meant so.
pub fn other_spellings(
    client: &NodeClient,
    profile: &Profile,
    parcels: &[OrderParcel],
) -> anyhow::Result<BTreeMap<usize, String>> {
    let named: HashSet<&str> = parcels.iter().map(|parcel| &*parcel.seller).collect();
    let named = named.into_iter().filter(|seller| !profile.maps_to(seller));
    let named: Vec<String> = named.map(str::to_owned).collect();
    let (known, _) = client.query(move |engine| {
        let books = engine.books();
        let is_new = |name: &String| books.seller_reference(SellerId::derived(name)).is_none();
        let new: Vec<String> = named.into_iter().filter(is_new).collect();
        if new.is_empty() {
            return HashMap::new();
        }
        let known = books.seller_accounts().filter_map(|(id, _)| books.seller_reference(id));
        let known: HashMap<String, &str> = known.map(|name| (folded(name), name)).collect();
        let spelled = |name: String| {
            let known = (*known.get(&folded(&name))?).to_owned();
            Some((name, known))
        };
        new.into_iter().filter_map(spelled).collect::<HashMap<String, String>>()
    })?;
    let refused = parcels.iter().enumerate().filter_map(|(place, parcel)| {
        let before = known.get(&*parcel.seller)?;
        let why = bilingual!(
            "its seller `{0}` is spelled `{before}` in the books; write that spelling, or map both \
             with --sellers",
            "其卖家 `{0}` 在账簿中写作 `{before}`；请用该写法，或用 --sellers 映射两种写法",
            parcel.seller
        );
        Some((place, refused_order(parcel, &why)))
    });
    Ok(refused.collect())
}

/// The announcements that the books would refuse, with their places. Their sellers need not be
/// registered yet.
pub fn foreseen_refusals(
    client: &NodeClient,
    announcements: Vec<AnnounceParcel>,
) -> anyhow::Result<Vec<(usize, Refusal)>> {
    let (refused, _) = client.query(move |engine| {
        let books = engine.books();
        let why = |parcel: &AnnounceParcel| match books.why_not_announced(parcel) {
            Some(
                Refusal::Repeated
                | Refusal::NotFound(MissingRecord::Seller(_))
                | Refusal::CurrencyWithoutAccount(_),
            ) => None,
            why => why,
        };
        let places = announcements.iter().enumerate();
        places.filter_map(|(place, parcel)| Some((place, why(parcel)?))).collect()
    })?;
    Ok(refused)
}

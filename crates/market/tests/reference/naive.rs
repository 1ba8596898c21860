//! A market written from the domain: a list of facts, and sums over all of them. It shares no code
//! with the market and keeps no balances.

use std::collections::{BTreeMap, BTreeSet};

use books::SellerKind;
use market::*;

const DAY: u64 = 86_400_000;

/// A unit of an order.
#[derive(Clone, Debug)]
pub struct Piece {
    pub variant: u64,
    pub seller: u64,
    pub price: i64,
    pub state: UnitState,
    pub flash: Option<u64>,
    /// It went back to the flash price's stock.
    pub to_flash: bool,
}

/// A discount as it was given.
#[derive(Clone, Debug)]
pub struct Given {
    pub promotion: u64,
    pub version: u16,
    pub coupon: Option<CouponToken>,
    /// By unit: the discount and the platform's part.
    pub units: BTreeMap<usize, (i64, i64)>,
    /// By seller.
    pub fees: BTreeMap<u64, (i64, i64)>,
    pub uses: u32,
    pub counted: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trip {
    UnderWay,
    Delivered(u64),
    Refused,
    Gone,
}

#[derive(Clone, Debug)]
pub struct Purse {
    pub seller: u64,
    pub trip: Trip,
    pub fee: i64,
    pub kept: i64,
    pub due: i64,
    pub owed: i64,
    pub return_days: u64,
}

#[derive(Clone, Debug)]
pub struct Basket {
    pub id: u64,
    pub buyer: BuyerToken,
    pub pieces: Vec<Piece>,
    pub given: Vec<Given>,
    pub purses: Vec<Purse>,
    pub counts: bool,
}

#[derive(Default)]
pub struct Naive {
    pub accepted: Vec<(u64, MarketCommand)>,
    pub baskets: Vec<Basket>,
    /// Refusals at the door: buyer, order, seller, time, whether forgiven.
    pub refusals: Vec<(BuyerToken, u64, u64, u64, bool)>,
    /// Reservations that ended before their time.
    pub ended_early: BTreeSet<u64>,
    pub ended: BTreeMap<u64, u64>,
}

/// A cart with its price.
#[derive(Clone, Debug)]
pub struct Priced {
    pub pieces: Vec<Piece>,
    pub given: Vec<Given>,
    /// By parcel: seller, fee after discounts, due.
    pub parcels: Vec<(u64, i64, i64)>,
}

impl Priced {
    pub fn total(&self) -> i64 {
        self.parcels.iter().map(|(.., due)| due).sum()
    }
}

fn half_up(amount: i64, ppm: u32) -> i64 {
    let doubled = i128::from(amount) * i128::from(ppm) * 2 + 1_000_000;
    i64::try_from(doubled / 2_000_000).unwrap()
}

/// Gives the cents of an amount out by largest remainder, one after the other.
fn give_out(amount: i64, weights: &[i64]) -> Vec<i64> {
    let all: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if all == 0 {
        return weights.iter().map(|_| 0).collect();
    }
    let exact: Vec<i128> =
        weights.iter().map(|weight| i128::from(*weight) * i128::from(amount)).collect();
    let mut parts: Vec<i128> = exact.iter().map(|one| one.div_euclid(all)).collect();
    while parts.iter().sum::<i128>() < i128::from(amount) {
        let rest = |place: usize| exact[place] - parts[place] * all;
        let best = (0..parts.len()).max_by_key(|&place| (rest(place), usize::MAX - place)).unwrap();
        parts[best] += 1;
    }
    parts.into_iter().map(|part| i64::try_from(part).unwrap()).collect()
}

impl Naive {
    fn latest<T>(&self, find: impl Fn(u64, &MarketCommand) -> Option<T>) -> Option<T> {
        self.accepted.iter().rev().find_map(|(at, command)| find(*at, command))
    }

    fn offer_of(&self, variant: u64) -> Option<(u64, u64, u64)> {
        self.latest(|_, command| match command {
            MarketCommand::DraftOffer(draft) => {
                let has = draft.variants.iter().any(|one| one.variant.0 == variant);
                has.then_some((draft.offer.0, draft.seller.0, draft.category.0))
            }
            _ => None,
        })
    }

    fn is_listed(&self, offer: u64) -> bool {
        let state = self.latest(|_, command| match command {
            MarketCommand::SetOfferState(set) if set.offer.0 == offer => Some(set.state),
            _ => None,
        });
        state == Some(OfferState::Listed)
    }

    fn price(&self, variant: u64) -> i64 {
        let price = self.latest(|_, command| match command {
            MarketCommand::SetPrice(set) if set.variant.0 == variant => Some(set.price),
            MarketCommand::DraftOffer(draft) => {
                let one = draft.variants.iter().find(|one| one.variant.0 == variant);
                one.map(|one| one.price)
            }
            _ => None,
        });
        i64::try_from(price.unwrap().minor()).unwrap()
    }

    fn admission(&self, seller: u64, at: u64) -> Option<(AdmitSeller, PublishMarketProfile)> {
        let admission = self.latest(|_, command| match command {
            MarketCommand::AdmitSeller(one) if one.seller.0 == seller && one.from.0 <= at => {
                Some(one.clone())
            }
            _ => None,
        })?;
        let profile = self.latest(|_, command| match command {
            MarketCommand::PublishMarketProfile(one)
                if one.kind == admission.kind && one.from.0 <= at =>
            {
                Some(one.clone())
            }
            _ => None,
        })?;
        Some((admission, profile))
    }

    fn version(&self, promotion: u64, number: u16) -> PublishPromotion {
        self.latest(|_, command| match command {
            MarketCommand::PublishPromotion(one)
                if one.promotion.0 == promotion && one.version == number =>
            {
                Some(one.clone())
            }
            _ => None,
        })
        .unwrap()
    }

    pub fn promotions(&self) -> BTreeSet<u64> {
        let published = self.accepted.iter().filter_map(|(_, command)| match command {
            MarketCommand::PublishPromotion(one) => Some(one.promotion.0),
            _ => None,
        });
        published.collect()
    }

    fn version_at(&self, promotion: u64, at: u64) -> Option<PublishPromotion> {
        self.latest(|_, command| match command {
            MarketCommand::PublishPromotion(one)
                if one.promotion.0 == promotion && one.from.0 <= at =>
            {
                Some(one.clone())
            }
            _ => None,
        })
    }

    fn has_ended(&self, promotion: u64) -> bool {
        self.ended.contains_key(&promotion)
    }

    pub fn uses(&self, promotion: u64, buyer: Option<BuyerToken>) -> u32 {
        let baskets = self.baskets.iter().filter(|one| buyer.is_none_or(|b| b == one.buyer));
        let given = baskets.flat_map(|one| &one.given).filter(|one| one.promotion == promotion);
        given.map(|one| one.uses).sum()
    }

    pub fn spent(&self, promotion: u64) -> i64 {
        let given = self.baskets.iter().flat_map(|one| &one.given);
        given.filter(|one| one.promotion == promotion).map(|one| one.counted).sum()
    }

    /// Units left in the stock of a flash price.
    fn flash_left(&self, promotion: u64, variant: u64) -> i64 {
        if self.has_ended(promotion) {
            return 0;
        }
        let allotted = self.accepted.iter().map(|(_, command)| match command {
            MarketCommand::AllotFlashStock(one)
                if one.promotion.0 == promotion && one.variant.0 == variant =>
            {
                i64::from(one.quantity)
            }
            _ => 0,
        });
        let pieces = self.baskets.iter().flat_map(|one| &one.pieces);
        let taken = pieces
            .filter(|one| one.flash == Some(promotion) && one.variant == variant && !one.to_flash);
        allotted.sum::<i64>() - i64::try_from(taken.count()).unwrap()
    }

    /// The units of a reservation that holds at a time.
    fn reserved(&self, reservation: u64, variant: u64, at: u64) -> i64 {
        if self.ended_early.contains(&reservation) {
            return 0;
        }
        let units = self.accepted.iter().map(|(_, command)| match command {
            MarketCommand::ReserveUnits(one)
                if one.reservation.0 == reservation && one.until.0 > at =>
            {
                let lines = one.lines.iter().filter(|line| line.variant.0 == variant);
                lines.map(|line| i64::from(line.quantity)).sum()
            }
            _ => 0,
        });
        units.sum()
    }

    fn reservations(&self) -> BTreeSet<u64> {
        let made = self.accepted.iter().filter_map(|(_, command)| match command {
            MarketCommand::ReserveUnits(one) => Some(one.reservation.0),
            _ => None,
        });
        made.collect()
    }

    /// What was received less everything that is somewhere else.
    pub fn left(&self, variant: u64, at: u64) -> i64 {
        let adjusted = self.accepted.iter().map(|(_, command)| match command {
            MarketCommand::AdjustStock(one) if one.variant.0 == variant => match one.reason {
                StockReason::Received | StockReason::CountedMore => i64::from(one.quantity),
                _ => -i64::from(one.quantity),
            },
            _ => 0,
        });
        let reserved =
            self.reservations().into_iter().map(|one| self.reserved(one, variant, at)).sum::<i64>();
        let pieces = self.baskets.iter().flat_map(|one| &one.pieces);
        let away = pieces.filter(|one| one.variant == variant && one.state != UnitState::Back);
        let flash: i64 =
            self.promotions().into_iter().map(|one| self.flash_left(one, variant)).sum();
        adjusted.sum::<i64>() - reserved - i64::try_from(away.count()).unwrap() - flash
    }

    /// The price of a cart. `None` if it cannot be ordered.
    pub fn priced(
        &self,
        buyer: BuyerToken,
        lines: &[CartLine],
        coupons: &[CouponToken],
        at: u64,
    ) -> Option<Priced> {
        let sum: u64 = lines.iter().map(|line| u64::from(line.quantity)).sum();
        if lines.is_empty() || lines.iter().any(|line| line.quantity == 0) || sum > 1_000 {
            return None;
        }
        let mut pieces = Vec::new();
        let mut fees: Vec<(u64, i64, bool, SellerKind)> = Vec::new();
        for line in lines {
            let (offer, seller, _) = self.offer_of(line.variant.0)?;
            if !self.is_listed(offer) {
                return None;
            }
            let (admission, profile) = self.admission(seller, at)?;
            if !fees.iter().any(|(one, ..)| *one == seller) {
                let fee = i64::try_from(admission.delivery_fee.minor()).unwrap();
                fees.push((seller, fee, profile.promotions, profile.kind));
            }
            for _ in 0..line.quantity {
                pieces.push(Piece {
                    variant: line.variant.0,
                    seller,
                    price: self.price(line.variant.0),
                    state: UnitState::Kept,
                    flash: None,
                    to_flash: false,
                });
            }
        }
        let mut of_coupons: BTreeMap<u64, CouponToken> = BTreeMap::new();
        for coupon in coupons {
            let (promotion, issued) = self.issued(*coupon)?;
            let used = issued.single_use && self.holder(*coupon).is_some();
            if used || issued.buyer.is_some_and(|one| one != buyer) {
                return None;
            }
            if of_coupons.insert(promotion, *coupon).is_some() {
                return None;
            }
        }
        let mut order: Vec<(u16, u64)> = Vec::new();
        for id in self.promotions() {
            let Some(terms) = self.version_at(id, at) else { continue };
            let holds = at < terms.until.0 && !self.has_ended(id);
            if holds && (!terms.by_coupon || of_coupons.contains_key(&id)) {
                order.push((terms.order, id));
            }
        }
        order.sort_unstable();
        let mut now: Vec<i64> = pieces.iter().map(|piece| piece.price).collect();
        let mut closed = vec![false; pieces.len()];
        let mut touched = vec![false; pieces.len()];
        let mut given: Vec<Given> = Vec::new();
        for (_, id) in order {
            let terms = self.version_at(id, at).unwrap();
            let had_orders = self.baskets.iter().any(|one| one.buyer == buyer && one.counts);
            let yields = terms.yields_to.iter().any(|p| given.iter().any(|g| g.promotion == p.0));
            if (terms.scope.first_order && had_orders) || yields {
                continue;
            }
            let free = |cap: Option<u32>, used: u32| {
                cap.map_or(i64::MAX, |cap| i64::from(cap) - i64::from(used))
            };
            let uses_left = free(terms.uses_max, self.uses(id, None))
                .min(free(terms.per_buyer_max, self.uses(id, Some(buyer))));
            if uses_left <= 0 {
                continue;
            }
            let members: Vec<usize> = (0..pieces.len())
                .filter(|&place| {
                    let piece = &pieces[place];
                    let (offer, seller, category) = self.offer_of(piece.variant).unwrap();
                    let (.., allowed, kind) =
                        fees.iter().find(|(one, ..)| *one == seller).copied().unwrap();
                    let s = &terms.scope;
                    !(closed[place] || terms.exclusive && touched[place])
                        && allowed
                        && s.seller_kind.is_none_or(|one| one == kind)
                        && (s.offers.is_empty() || s.offers.iter().any(|one| one.0 == offer))
                        && (s.sellers.is_empty() || s.sellers.iter().any(|one| one.0 == seller))
                        && (s.categories.is_empty()
                            || s.categories.iter().any(|one| one.0 == category))
                })
                .collect();
            let floor = i64::try_from(terms.floor.minor()).unwrap();
            let room = |place: usize| (now[place] - floor).max(0);
            let mut off: BTreeMap<usize, i64> = members.iter().map(|&place| (place, 0)).collect();
            let mut fees_off: BTreeMap<u64, i64> = BTreeMap::new();
            let mut flashed: BTreeSet<usize> = BTreeSet::new();
            let sum: i64 = members.iter().map(|&place| now[place]).sum();
            let spread = |amount: i64, places: &[usize], off: &mut BTreeMap<usize, i64>| {
                let rooms: Vec<i64> = places.iter().map(|&place| room(place)).collect();
                let amount = amount.min(rooms.iter().sum());
                for (place, part) in places.iter().zip(give_out(amount, &rooms)) {
                    off.insert(*place, part);
                }
            };
            match &terms.rule {
                PromotionRule::Percentage(rate) => {
                    spread(half_up(sum, rate.ppm()), &members, &mut off);
                }
                PromotionRule::AmountOff(amount) => {
                    spread(i64::try_from(amount.minor()).unwrap(), &members, &mut off);
                }
                rule @ (PromotionRule::Threshold(_) | PromotionRule::EachFull(_)) => {
                    spread(would_save(rule, sum), &members, &mut off);
                }
                PromotionRule::Bundle(bundle) => {
                    let mut places = Vec::new();
                    let mut left = members.clone();
                    let mut times = 0;
                    'sets: loop {
                        let mut set = Vec::new();
                        for part in &bundle.parts {
                            for _ in 0..part.quantity {
                                let fits = |place: &usize| {
                                    pieces[*place].variant == part.variant.0 && !set.contains(place)
                                };
                                let Some(&one) = left.iter().find(|place| fits(place)) else {
                                    break 'sets;
                                };
                                set.push(one);
                            }
                        }
                        left.retain(|place| !set.contains(place));
                        places.extend(set);
                        times += 1;
                    }
                    places.sort_by_key(|place| {
                        let part = bundle
                            .parts
                            .iter()
                            .position(|part| part.variant.0 == pieces[*place].variant);
                        (part, *place)
                    });
                    let together: i64 = places.iter().map(|&place| now[place]).sum();
                    let asked = i64::try_from(bundle.price.minor()).unwrap() * times;
                    spread((together - asked).max(0), &places, &mut off);
                }
                PromotionRule::SecondCheaper(rate) => {
                    let mut sorted: Vec<(i64, usize)> =
                        members.iter().map(|&place| (-now[place], place)).collect();
                    sorted.sort_unstable();
                    for (number, (_, place)) in sorted.into_iter().enumerate() {
                        if number % 2 == 1 {
                            off.insert(place, half_up(now[place], rate.ppm()).min(room(place)));
                        }
                    }
                }
                PromotionRule::FreeDelivery => {
                    for (seller, fee, ..) in &fees {
                        let already: i64 = given
                            .iter()
                            .filter_map(|one| one.fees.get(seller))
                            .map(|(amount, _)| amount)
                            .sum();
                        let has = members.iter().any(|&place| pieces[place].seller == *seller);
                        if has && fee - already > 0 {
                            fees_off.insert(*seller, fee - already);
                        }
                    }
                }
                PromotionRule::Flash(prices) => {
                    let mut uses = uses_left;
                    let mut stocks: BTreeMap<u64, i64> = BTreeMap::new();
                    for &place in &members {
                        let variant = pieces[place].variant;
                        let Some(flash) = prices.iter().find(|one| one.variant.0 == variant) else {
                            continue;
                        };
                        let stock =
                            stocks.entry(variant).or_insert_with(|| self.flash_left(id, variant));
                        let lower = (now[place] - i64::try_from(flash.price.minor()).unwrap())
                            .min(room(place));
                        let free = pieces[place].flash.is_none() && uses > 0 && *stock > 0;
                        if free && lower > 0 {
                            (*stock, uses) = (*stock - 1, uses - 1);
                            off.insert(place, lower);
                            flashed.insert(place);
                        }
                    }
                }
            }
            let discount = off.values().sum::<i64>() + fees_off.values().sum::<i64>();
            let budget = terms
                .budget
                .map_or(i64::MAX, |cap| i64::try_from(cap.minor()).unwrap() - self.spent(id));
            if discount == 0 || discount > budget {
                continue;
            }
            let weights: Vec<i64> = off.values().chain(fees_off.values()).copied().collect();
            let paid = give_out(half_up(discount, terms.platform_share.ppm()), &weights);
            let mut paid = paid.into_iter();
            let mut one = Given {
                promotion: id,
                version: terms.version,
                coupon: of_coupons.get(&id).copied(),
                units: BTreeMap::new(),
                fees: BTreeMap::new(),
                uses: 1,
                counted: discount,
            };
            for (place, amount) in off {
                one.units.insert(place, (amount, paid.next().unwrap()));
                now[place] -= amount;
                touched[place] |= amount > 0;
                closed[place] |= amount > 0 && terms.exclusive;
            }
            for (seller, amount) in fees_off {
                one.fees.insert(seller, (amount, paid.next().unwrap()));
            }
            if matches!(terms.rule, PromotionRule::Flash(_)) {
                one.uses = u32::try_from(flashed.len()).unwrap();
            }
            for place in flashed {
                pieces[place].flash = Some(id);
            }
            given.push(one);
        }
        let mut parcels = Vec::new();
        for (seller, fee, ..) in fees {
            let free = given.iter().filter_map(|one| one.fees.get(&seller));
            let fee = fee - free.map(|(amount, _)| amount).sum::<i64>();
            let goods: i64 = (0..pieces.len())
                .filter(|&place| pieces[place].seller == seller)
                .map(|place| now[place])
                .sum();
            parcels.push((seller, fee, goods + fee));
        }
        Some(Priced { pieces, given, parcels })
    }

    fn issued(&self, coupon: CouponToken) -> Option<(u64, NewCoupon)> {
        self.latest(|_, command| match command {
            MarketCommand::IssueCoupons(issue) => {
                let one = issue.coupons.iter().find(|one| one.coupon == coupon);
                one.map(|one| (issue.promotion.0, *one))
            }
            _ => None,
        })
    }

    fn holder(&self, coupon: CouponToken) -> Option<u64> {
        let holds = |basket: &&Basket| {
            basket.given.iter().any(|one| one.coupon == Some(coupon) && one.uses > 0)
        };
        self.baskets.iter().find(holds).map(|basket| basket.id)
    }

    pub fn open_refusals(&self, buyer: BuyerToken, days: u64, at: u64) -> usize {
        let open = self.refusals.iter().filter(|(one, _, _, since, forgiven)| {
            *one == buyer && !forgiven && at < since + days * DAY
        });
        open.count()
    }

    /// Whether an order can be made at this total, and the order.
    pub fn check_out(&self, command: &Checkout, at: u64) -> Option<Basket> {
        if self.baskets.iter().any(|one| one.id == command.order.0) {
            return None;
        }
        let priced = self.priced(command.buyer, &command.lines, &command.coupons, at)?;
        if u64::try_from(priced.total()).unwrap() != command.total.minor() {
            return None;
        }
        let mut own: BTreeMap<u64, i64> = BTreeMap::new();
        if let Some(id) = command.reservation {
            let made = self.latest(|_, one| match one {
                MarketCommand::ReserveUnits(one) if one.reservation == id => Some(one.clone()),
                _ => None,
            })?;
            let over = self.ended_early.contains(&id.0) || made.until.0 <= at;
            if over || made.buyer != command.buyer {
                return None;
            }
            for line in &command.lines {
                own.insert(line.variant.0, self.reserved(id.0, line.variant.0, at));
            }
        }
        for piece in &priced.pieces {
            let needed = priced
                .pieces
                .iter()
                .filter(|one| one.variant == piece.variant && one.flash.is_none())
                .count();
            let own = own.get(&piece.variant).copied().unwrap_or(0);
            if i64::try_from(needed).unwrap() > self.left(piece.variant, at) + own {
                return None;
            }
        }
        let mut purses = Vec::new();
        for (seller, fee, due) in priced.parcels {
            let (_, profile) = self.admission(seller, at)?;
            let most = i64::try_from(profile.parcel_amount_max.minor()).unwrap();
            let days = u64::from(profile.refusal_days);
            let refused = self.open_refusals(command.buyer, days, at);
            let limit = usize::from(profile.refusals_max);
            if due <= 0 || due > most || (limit > 0 && refused >= limit) {
                return None;
            }
            let return_days = profile.return_days.into();
            let (trip, kept) = (Trip::UnderWay, due);
            purses.push(Purse { seller, trip, fee, kept, due, owed: 0, return_days });
        }
        let (pieces, given) = (priced.pieces, priced.given);
        let (id, buyer) = (command.order.0, command.buyer);
        Some(Basket { id, buyer, pieces, given, purses, counts: true })
    }

    /// Puts the units that come back where they belong.
    pub fn bring_back(&mut self, order: usize, units: &[usize], resellable: bool) {
        for &unit in units {
            let piece = self.baskets[order].pieces[unit].clone();
            let to_flash = resellable
                && piece.flash.is_some_and(|promotion| {
                    let mut given = self.baskets[order].given.iter();
                    let given = given.find(|one| one.promotion == promotion).unwrap();
                    let terms = self.version(promotion, given.version);
                    terms.undone_use == UndoneUse::Release && !self.has_ended(promotion)
                });
            let piece = &mut self.baskets[order].pieces[unit];
            piece.state = if resellable { UnitState::Back } else { UnitState::WrittenOff };
            piece.to_flash = to_flash;
        }
    }

    /// What the buyer would pay for the kept units alone, and what each promotion claws back.
    fn value(&self, basket: &Basket) -> (i64, Vec<i64>) {
        let kept: Vec<usize> = (0..basket.pieces.len())
            .filter(|&unit| basket.pieces[unit].state == UnitState::Kept)
            .collect();
        let mut net = 0;
        for &unit in &kept {
            let off: i64 =
                basket.given.iter().filter_map(|one| one.units.get(&unit)).map(|one| one.0).sum();
            net += basket.pieces[unit].price - off;
        }
        for purse in &basket.purses {
            if kept.iter().any(|&unit| basket.pieces[unit].seller == purse.seller) {
                net += purse.fee;
            }
        }
        let mut clawed = Vec::new();
        for (number, given) in basket.given.iter().enumerate() {
            let terms = self.version(given.promotion, given.version);
            if terms.broken_threshold == BrokenThreshold::Keep {
                clawed.push(0);
                continue;
            }
            let (mut base, mut standing) = (0, 0);
            for unit in kept.iter().filter(|unit| given.units.contains_key(unit)) {
                let before = basket.given[..number].iter().filter_map(|one| one.units.get(unit));
                base += basket.pieces[*unit].price - before.map(|one| one.0).sum::<i64>();
                standing += given.units[unit].0;
            }
            clawed.push((standing - would_save(&terms.rule, base)).max(0));
        }
        (net, clawed)
    }

    /// What the units of one seller cost that stay with the buyer, with the seller's part of what
    /// is clawed back: in proportion to what these units saved, in whole cents, the largest rest
    /// first.
    fn price_of(&self, order: usize, seller: u64) -> i64 {
        let basket = &self.baskets[order];
        let stays = |unit: usize| basket.pieces[unit].state == UnitState::Kept;
        let own = |unit: usize| basket.pieces[unit].seller == seller;
        let mut price = 0;
        for unit in (0..basket.pieces.len()).filter(|&unit| stays(unit) && own(unit)) {
            let off = basket.given.iter().filter_map(|one| one.units.get(&unit));
            price += basket.pieces[unit].price - off.map(|one| one.0).sum::<i64>();
        }
        let purse = basket.purses.iter().find(|purse| purse.seller == seller).unwrap();
        if (0..basket.pieces.len()).any(|unit| stays(unit) && own(unit)) {
            price += purse.fee;
        }
        let (_, clawed) = self.value(basket);
        for (given, clawed) in basket.given.iter().zip(clawed) {
            let saved_by = |seller: u64| -> i64 {
                let units = given
                    .units
                    .iter()
                    .filter(|(unit, _)| stays(**unit) && basket.pieces[**unit].seller == seller);
                units.map(|(_, (amount, _))| *amount).sum()
            };
            let savings: Vec<i64> =
                basket.purses.iter().map(|purse| saved_by(purse.seller)).collect();
            let place = basket.purses.iter().position(|one| one.seller == seller).unwrap();
            price += give_out(clawed, &savings)[place];
        }
        price
    }

    /// After units of a parcel changed: what it costs now. `ended` if nobody pays for it, `door`
    /// if it is not paid yet. The other parcels cost what they did.
    pub fn settle(&mut self, order: usize, own: u64, ended: bool, door: bool) {
        let price = if ended { 0 } else { self.price_of(order, own) };
        let purse = self.baskets[order].purses.iter_mut().find(|one| one.seller == own).unwrap();
        purse.kept = purse.kept.min(price);
        if ended || door {
            purse.due = purse.kept;
        }
        purse.owed = purse.due - purse.kept;
        self.settle_without_money(order);
    }

    /// Frees what promotions with `Release` get back.
    pub fn release(&mut self, order: usize, net: i64, clawed: &[i64]) {
        let basket = self.baskets[order].clone();
        let mut deducted = (basket.purses.iter().map(|purse| purse.kept).sum::<i64>() - net).max(0);
        for (number, clawed) in clawed.iter().enumerate() {
            let clawed = deducted.min(*clawed);
            deducted -= clawed;
            let given = &basket.given[number];
            let terms = self.version(given.promotion, given.version);
            if terms.undone_use == UndoneUse::Keep {
                continue;
            }
            let kept = |unit: usize| basket.pieces[unit].state == UnitState::Kept;
            let stands = |seller: u64| {
                (0..basket.pieces.len())
                    .any(|unit| kept(unit) && basket.pieces[unit].seller == seller)
            };
            let units: Vec<i64> = given
                .units
                .iter()
                .filter(|(unit, (amount, _))| kept(**unit) && *amount > 0)
                .map(|(_, (amount, _))| *amount)
                .collect();
            let fees: Vec<i64> = given
                .fees
                .iter()
                .filter(|(seller, _)| stands(**seller))
                .map(|(_, (amount, _))| *amount)
                .collect();
            let amount = units.iter().sum::<i64>() + fees.iter().sum::<i64>() - clawed;
            let uses = match terms.rule {
                PromotionRule::Flash(_) => u32::try_from(units.len()).unwrap(),
                _ => u32::from(!units.is_empty() || !fees.is_empty()),
            };
            let given = &mut self.baskets[order].given[number];
            given.counted = given.counted.min(amount);
            given.uses = given.uses.min(uses);
        }
        let stands = basket.pieces.iter().any(|piece| piece.state == UnitState::Kept)
            || basket.purses.iter().any(|purse| matches!(purse.trip, Trip::Delivered(_)));
        self.baskets[order].counts &= stands;
    }

    pub fn kind(&self, given: &Given) -> &'static str {
        match self.version(given.promotion, given.version).rule {
            PromotionRule::Percentage(_) => "percentage",
            PromotionRule::AmountOff(_) => "amount",
            PromotionRule::Threshold(_) => "threshold",
            PromotionRule::EachFull(_) => "each full",
            PromotionRule::Bundle(_) => "bundle",
            PromotionRule::SecondCheaper(_) => "second cheaper",
            PromotionRule::FreeDelivery => "free delivery",
            PromotionRule::Flash(_) => "flash",
        }
    }

    pub fn claws_back(&self, basket: &Basket) -> bool {
        let (net, _) = self.value(basket);
        basket.purses.iter().map(|purse| purse.kept).sum::<i64>() > net
    }

    pub fn settle_without_money(&mut self, order: usize) {
        let (net, clawed) = self.value(&self.baskets[order]);
        self.release(order, net, &clawed);
    }
}

fn would_save(rule: &PromotionRule, sum: i64) -> i64 {
    let minor = |amount: money::Amount| i64::try_from(amount.minor()).unwrap();
    match rule {
        PromotionRule::Threshold(steps) => steps
            .iter()
            .filter(|step| minor(step.spend) <= sum)
            .map(|step| minor(step.save))
            .max()
            .unwrap_or(0),
        PromotionRule::EachFull(step) => {
            let mut saved = 0;
            let mut left = sum;
            while left >= minor(step.spend) {
                (left, saved) = (left - minor(step.spend), saved + minor(step.save));
            }
            saved
        }
        _ => 0,
    }
}

//! The owners of parcels and couriers, for roles that cover only their own.

use std::any::Any;

use books::view::ParcelState;
use books::{
    AssignedParcel, Books, CourierId, DispatchedParcel, FirmId, NoticeOwner, ParcelId, PaymentId,
    SellerId,
};
use engine::{Command, Engine};
use market::{MarketCommand, OfferId, OrderId, PromotionId, VariantId};

use crate::principal::AccessGrant;
use crate::table::AccessScope;

/// The owners of parcels and couriers.
pub trait AccessObjects {
    fn seller_of(&self, parcel: ParcelId) -> Option<SellerId>;
    /// The firm that has the parcel.
    fn firm_of(&self, parcel: ParcelId) -> Option<FirmId>;
    /// The courier who has the parcel out now, or took its last payment today: today's tour.
    fn courier_of(&self, parcel: ParcelId) -> Option<CourierId>;
    fn firm_of_courier(&self, courier: CourierId) -> Option<FirmId>;
    /// What is of the market. Without one, nothing is anybody's.
    fn of_market(&self, _: MarketObject<'_>) -> ObjectSeller {
        ObjectSeller::Others
    }
}

/// Something in the market that a command names.
#[derive(Clone, Copy, Debug)]
pub enum MarketObject<'c> {
    Offer(OfferId),
    Variant(VariantId),
    Promotion(PromotionId),
    Units(OrderId, &'c [u16]),
}

/// Who sells something in the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectSeller {
    /// It is not there.
    Unknown,
    One(SellerId),
    /// The platform, or several sellers.
    Others,
}

impl From<Option<SellerId>> for ObjectSeller {
    fn from(seller: Option<SellerId>) -> ObjectSeller {
        seller.map_or(ObjectSeller::Unknown, ObjectSeller::One)
    }
}

impl AccessObjects for Engine {
    fn seller_of(&self, parcel: ParcelId) -> Option<SellerId> {
        self.books().seller_of(parcel)
    }

    fn firm_of(&self, parcel: ParcelId) -> Option<FirmId> {
        self.books().firm_of(parcel)
    }

    fn courier_of(&self, parcel: ParcelId) -> Option<CourierId> {
        self.books().courier_of(parcel)
    }

    fn firm_of_courier(&self, courier: CourierId) -> Option<FirmId> {
        AccessObjects::firm_of_courier(self.books(), courier)
    }

    fn of_market(&self, object: MarketObject<'_>) -> ObjectSeller {
        let market = self.market();
        match object {
            MarketObject::Offer(id) => market.seller_of_offer(id).into(),
            MarketObject::Variant(id) => market.variant_view(id).map(|one| one.seller).into(),
            MarketObject::Promotion(id) => match market.promotion_terms(id) {
                None => ObjectSeller::Unknown,
                Some(terms) => terms.only_seller().map_or(ObjectSeller::Others, ObjectSeller::One),
            },
            MarketObject::Units(order, units) => {
                let mut sellers = market.sellers_of_units(order, units);
                match sellers.next() {
                    Some(Some(first)) if sellers.all(|one| one == Some(first)) => {
                        ObjectSeller::One(first)
                    }
                    Some(Some(_)) => ObjectSeller::Others,
                    _ => ObjectSeller::Unknown,
                }
            }
        }
    }
}

impl AccessObjects for Books {
    fn seller_of(&self, parcel: ParcelId) -> Option<SellerId> {
        self.parcel_view(parcel).map(|parcel| parcel.seller)
    }

    fn firm_of(&self, parcel: ParcelId) -> Option<FirmId> {
        let listed = self.listed_parcel(parcel)?;
        let of_courier = listed.courier.and_then(|courier| self.firm_of_courier(courier));
        listed.firm.or(of_courier)
    }

    fn courier_of(&self, parcel: ParcelId) -> Option<CourierId> {
        let listed = self.listed_parcel(parcel)?;
        let is_out = listed.view.state == ParcelState::Out;
        let today = is_out || listed.date == Some(self.last_date());
        listed.courier.filter(|_| today)
    }

    fn firm_of_courier(&self, courier: CourierId) -> Option<FirmId> {
        self.courier_firm(courier)
    }
}

impl AccessScope {
    /// Whether a command touches only what the scope covers. A parcel that the books do not know
    /// belongs to nobody: only the field beside it can make the command one's own.
    #[must_use]
    pub fn covers(&self, command: &Command, objects: &dyn AccessObjects) -> bool {
        match self {
            AccessScope::All => true,
            AccessScope::Nothing => false,
            AccessScope::Own(grants) => grants.iter().any(|grant| is_own(command, *grant, objects)),
        }
    }

    /// Whether the scope covers a parcel.
    #[must_use]
    pub fn covers_parcel(&self, parcel: ParcelId, objects: &dyn AccessObjects) -> bool {
        match self {
            AccessScope::All => true,
            AccessScope::Nothing => false,
            AccessScope::Own(grants) => {
                let own = |grant: &AccessGrant| {
                    parcel_belonging(parcel, *grant, objects) == Belonging::Own
                };
                grants.iter().any(own)
            }
        }
    }
}

/// What a field of a command says of whose the command is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Belonging {
    Own,
    Foreign,
    /// It names nobody.
    Silent,
}

fn belongs(own: bool) -> Belonging {
    if own { Belonging::Own } else { Belonging::Foreign }
}

/// A command is one's own if something in it is, and nothing is another's.
fn is_own(command: &Command, grant: AccessGrant, objects: &dyn AccessObjects) -> bool {
    let (mut own, mut foreign) = (false, false);
    let mut add = |belonging| match belonging {
        Belonging::Own => own = true,
        Belonging::Foreign => foreign = true,
        Belonging::Silent => {}
    };
    let seller_of = |object| of_market(object, grant, objects);
    match command.as_market() {
        Some(MarketCommand::PublishPromotion(terms)) => {
            add(match terms.only_seller() {
                Some(seller) => belongs(grant == AccessGrant::Seller(seller)),
                None => Belonging::Foreign,
            });
        }
        Some(MarketCommand::ReceiveUnits(one)) => {
            add(seller_of(MarketObject::Units(one.order, &one.units)));
        }
        Some(MarketCommand::ReturnUnits(one)) => {
            add(seller_of(MarketObject::Units(one.order, &one.units)));
        }
        _ => {}
    }
    command.for_each_field(&mut |field| add(field_belonging(field, grant, objects)));
    own && !foreign
}

fn field_belonging(field: &dyn Any, grant: AccessGrant, objects: &dyn AccessObjects) -> Belonging {
    let parcel = |parcel: ParcelId| parcel_belonging(parcel, grant, objects);
    if let Some(seller) = field.downcast_ref::<SellerId>() {
        return belongs(grant == AccessGrant::Seller(*seller));
    }
    if let Some(firm) = field.downcast_ref::<FirmId>() {
        return belongs(grant == AccessGrant::Firm(*firm));
    }
    if let Some(courier) = field.downcast_ref::<CourierId>() {
        return match grant {
            AccessGrant::Firm(firm) => belongs(objects.firm_of_courier(*courier) == Some(firm)),
            _ => belongs(grant == AccessGrant::Courier(*courier)),
        };
    }
    if let Some(owner) = field.downcast_ref::<NoticeOwner>() {
        return belongs(match (*owner, grant) {
            (NoticeOwner::Seller(one), AccessGrant::Seller(own)) => one == own,
            (NoticeOwner::Firm(one), AccessGrant::Firm(own)) => one == own,
            (NoticeOwner::Courier(one), AccessGrant::Courier(own)) => one == own,
            _ => false,
        });
    }
    if let Some(one) = field.downcast_ref::<ParcelId>() {
        return parcel(*one);
    }
    let object = None
        .or_else(|| field.downcast_ref().map(|id| MarketObject::Offer(*id)))
        .or_else(|| field.downcast_ref().map(|id| MarketObject::Variant(*id)))
        .or_else(|| field.downcast_ref().map(|id| MarketObject::Promotion(*id)));
    if let Some(object) = object {
        return of_market(object, grant, objects);
    }
    if let Some(payment) = field.downcast_ref::<PaymentId>() {
        return parcel(payment.parcel);
    }
    let assigned = field.downcast_ref::<Vec<AssignedParcel>>();
    let assigned = assigned.map(|all| all.iter().map(|one| one.parcel).collect::<Vec<_>>());
    let dispatched = || {
        let all = field.downcast_ref::<Vec<DispatchedParcel>>()?;
        Some(all.iter().map(|one| one.parcel).collect::<Vec<_>>())
    };
    match assigned.or_else(dispatched) {
        // Of a list every parcel is one's own.
        Some(all) => belongs(all.iter().all(|one| parcel(*one) == Belonging::Own)),
        None => Belonging::Silent,
    }
}

/// What is not there yet is nobody's: only the field beside it can make the command one's own.
fn of_market(
    object: MarketObject<'_>,
    grant: AccessGrant,
    objects: &dyn AccessObjects,
) -> Belonging {
    match objects.of_market(object) {
        ObjectSeller::Unknown => Belonging::Silent,
        ObjectSeller::One(seller) => belongs(grant == AccessGrant::Seller(seller)),
        ObjectSeller::Others => Belonging::Foreign,
    }
}

fn parcel_belonging(
    parcel: ParcelId,
    grant: AccessGrant,
    objects: &dyn AccessObjects,
) -> Belonging {
    match grant {
        AccessGrant::Seller(seller) => match objects.seller_of(parcel) {
            Some(of) => belongs(of == seller),
            None => Belonging::Silent,
        },
        AccessGrant::Firm(firm) => belongs(objects.firm_of(parcel) == Some(firm)),
        AccessGrant::Courier(courier) => belongs(objects.courier_of(parcel) == Some(courier)),
        AccessGrant::Buyer(own) => belongs(own == parcel),
        _ => Belonging::Foreign,
    }
}

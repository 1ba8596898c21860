//! Refusals of the market.

use std::error::Error;

use market::{
    CART_LINES_MAX, COUPONS_PER_COMMAND_MAX, COUPONS_PER_ORDER_MAX, MarketRefusal,
    MissingMarketRecord, PARCELS_PER_ORDER_MAX, PROMOTION_LIST_MAX, PROMOTION_VERSIONS_MAX,
    PROMOTIONS_MAX, PromotionFault, RESERVATION_MINUTES_MAX, RETURN_DAYS_MAX, STOCK_MAX,
    UNITS_PER_ORDER_MAX, VARIANTS_PER_OFFER_MAX,
};
use money::Amount;
use office::offers::OfferFault;
use reports::PreviewError;

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(refusal))
        .or_else(|| error.downcast_ref().map(preview_error))
        .or_else(|| error.downcast_ref().map(offer_fault))
}

fn preview_error(error: &PreviewError) -> String {
    match error {
        PreviewError::Report(error) => super::zh_error(error),
        PreviewError::Impossible { promotion, refusal: refused } => {
            format!("促销 {promotion} 在此账簿中不能发布：{}", refusal(refused))
        }
        PreviewError::NothingThen => "账簿在该时期没有命令；请另选时期".to_owned(),
    }
}

fn offer_fault(fault: &OfferFault) -> String {
    match fault {
        OfferFault::NoSeller(name) => {
            format!("您的卖家中没有 `{name}`；请登记该卖家，或更正其编码")
        }
        OfferFault::NoTitle => "新商品没有标题；请填写".to_owned(),
        OfferFault::Ended => "该商品已下架，不再出售；请另用编码".to_owned(),
        OfferFault::Currency { is, given } => {
            format!("该商品以 {is} 计价，不是 {given}；请另用编码以 {given} 出售")
        }
        OfferFault::TooMany { left } => {
            format!("该卖家还可新建 {left} 件商品，文件中更多；请先下架一些")
        }
        OfferFault::TooManyVariants => {
            format!("连同市场中已有的，该商品超过 {VARIANTS_PER_OFFER_MAX} 个规格；请拆分")
        }
        OfferFault::Text(fault) => super::zh_error(fault),
        OfferFault::Market(refused) => refusal(refused),
    }
}

fn minor_units(amount: Amount) -> String {
    format!("{}（最小货币单位）", amount.minor())
}

pub(super) fn refusal(refused: &MarketRefusal) -> String {
    use MarketRefusal as R;
    match refused {
        R::Books(refused) => super::books::refusal(refused),
        R::NotFound(what) => format!("没有{}；请核对编号", missing(*what)),
        R::VersionOrder => "新版本早于上一版本生效；请将 `from` 设为该时间或更晚".to_owned(),
        R::ReturnDays => format!("退货期过长；请给出至多 {RETURN_DAYS_MAX} 天"),
        R::VariantCount => format!("商品的规格数不符；请给出 1 到 {VARIANTS_PER_OFFER_MAX} 个"),
        R::TooManyOffers(count) => {
            format!("该卖家已有 {count} 件商品，达到市场档案的上限；请先下架一些")
        }
        R::IdentityNotProved => {
            "市场档案要求卖家的身份证明；请先以身份证明重新准入该卖家，再上架".to_owned()
        }
        R::OfferStateUnchanged => "商品不能从现有状态变为该状态；请另选状态".to_owned(),
        R::OfferEnded => "商品已下架，不再出售；请另建商品".to_owned(),
        R::NotListed(offer) => format!("商品 {offer} 未上架；请从购物车中去掉"),
        R::Quantity => format!("数量不符；请给出 1 到 {STOCK_MAX}"),
        R::StockAboveLimit => format!("库存将超过 {STOCK_MAX} 件；请减少"),
        R::NotEnoughStock(variant, left) => {
            format!("规格 {variant} 只剩 {left} 件；请至多要这么多")
        }
        R::Promotion(fault) => promotion_fault(*fault),
        R::TooManyPromotions => format!("已有 {PROMOTIONS_MAX} 个促销；请先结束一些"),
        R::TooManyVersions => {
            format!("该促销已有 {PROMOTION_VERSIONS_MAX} 个版本；请另建促销")
        }
        R::PromotionEnded => "该促销已结束；请另建促销".to_owned(),
        R::NotByCoupon => "该促销没有优惠券；请以 `by_coupon` 发布".to_owned(),
        R::CouponCount => format!("优惠券数不符；请给出 1 到 {COUPONS_PER_COMMAND_MAX} 张"),
        R::CouponIssued(coupon) => format!("优惠券 {coupon} 此前已发出；请另选券码"),
        R::NoFlashPrice(variant) => {
            format!("该促销没有规格 {variant} 的秒杀价；请发布含有它的版本")
        }
        R::CartLines => format!("购物车的行数不符；请给出 1 到 {CART_LINES_MAX} 行"),
        R::UnitCount => format!("订单的件数不符；请给出 1 到 {UNITS_PER_ORDER_MAX} 件"),
        R::TooManySellers => format!("一个订单至多 {PARCELS_PER_ORDER_MAX} 个卖家；请分开下单"),
        R::CurrenciesDiffer(one, other) => format!("同时有 {one} 和 {other}；请只选一种货币"),
        R::ReservationTime => {
            format!("保留须在将来 {RESERVATION_MINUTES_MAX} 分钟以内结束")
        }
        R::ReservationOfAnotherBuyer => "该保留属于另一位买家；请去掉".to_owned(),
        R::TooManyCoupons => format!("优惠券过多；请至多给出 {COUPONS_PER_ORDER_MAX} 张"),
        R::CouponOfAnotherBuyer(coupon) => format!("优惠券 {coupon} 属于另一位买家；请去掉"),
        R::CouponUsed(coupon) => format!("优惠券 {coupon} 已使用；请去掉"),
        R::TwoCouponsOfPromotion(promotion) => {
            format!("有两张优惠券属于促销 {promotion}，一个订单只能用一张；请去掉一张")
        }
        R::PriceChanged(shown, now) => format!(
            "现价合计 {}，买家所见为 {}；请以新报价再问买家",
            minor_units(*now),
            minor_units(*shown)
        ),
        R::NothingDue(seller) => {
            format!("卖家 {seller} 的包裹应收为零，无法货到付款；请去掉一张优惠券")
        }
        R::ParcelAboveCap(seller, most) => {
            format!("卖家 {seller} 的包裹超过货到付款的上限 {}；请少买一些", minor_units(*most))
        }
        R::TooManyRefusals(count) => {
            format!("该买家拒收过 {count} 个包裹，不能货到付款；请等待拒收记录到期，或受理申诉")
        }
        R::NobodyCollects(currency) => {
            format!("没有快递公司在门口代收 {currency}；请先登记一家（`doorstep setup firm`）")
        }
        R::ParcelOfOrder(parcel) => {
            format!("包裹 {parcel} 属于订单；请用 `AcceptUnits` 列出收下的商品")
        }
        R::UnitsNotRising => "商品件须按升序列出，每件一次".to_owned(),
        R::UnitState(unit) => format!("第 {unit} 件不在所需的状态；请查看订单"),
        R::AllUnits => {
            "所列为包裹的全部商品或没有商品；全部收下时无需该命令，全部拒收请用 `RefuseParcel`"
                .to_owned()
        }
        R::ReturnWindowOver(unit) => format!("第 {unit} 件的退货期已过；请去掉"),
    }
}

fn missing(what: MissingMarketRecord) -> String {
    use MissingMarketRecord as M;
    match what {
        M::Offer(id) => format!("商品 {id}"),
        M::Variant(id) => format!("规格 {id}"),
        M::Promotion(id) => format!("促销 {id}"),
        M::Coupon(token) => format!("优惠券 {token}"),
        M::Reservation(id) => format!("有效的保留 {id}"),
        M::Order(id) => format!("订单 {id}"),
        M::ParcelOfOrder(parcel) => format!("属于订单的包裹 {parcel}"),
        M::Admission(seller) => format!("卖家 {seller} 以该货币的准入"),
        M::Profile(seller) => format!("适用于卖家 {seller} 类别和该货币的市场档案"),
        M::OpenRefusal(parcel) => format!("包裹 {parcel} 未结的拒收记录"),
    }
}

fn promotion_fault(fault: PromotionFault) -> String {
    use PromotionFault as F;
    match fault {
        F::Window => "促销在开始之前就结束；请将 `until` 设在 `from` 之后".to_owned(),
        F::FromEarlier => "促销早于上一版本开始；请将 `from` 设为该时间或更晚".to_owned(),
        F::ListLength => format!("促销的列表过短或过长；请给出 1 到 {PROMOTION_LIST_MAX} 项"),
        F::ListedTwice => "促销的列表中有重复；请去掉一个".to_owned(),
        F::Zero => "促销的价格、比例、金额或门槛为零；请给出大于零的值".to_owned(),
        F::PaysTheBuyer => "促销减得比花得多，等于付钱给买家；请降低 `save`".to_owned(),
        F::StepsDoNotRise => "促销的各档没有递增；请让每档花得更多、减得更多".to_owned(),
        F::CapOfZero => "促销的上限为零；请不设上限，或结束该促销".to_owned(),
        F::UsesBelowUsed(used) => format!("促销的次数上限低于已用的 {used} 次；请设为该数或更多"),
        F::BudgetBelowSpent(spent) => {
            format!("促销的预算低于已用的 {}；请设为该数或更多", minor_units(spent))
        }
        F::CircularYielding(id) => {
            format!("促销经由促销 {id} 让位于自身；请从 `yields_to` 中去掉它")
        }
        F::YieldsToLater(id) => format!("促销让位于次序不在前的促销 {id}；请调高 `order`"),
        F::ClawBackWithoutThreshold => {
            "只有满减类促销可以追回；请将 `broken_threshold` 设为 `Keep`".to_owned()
        }
        F::FloorAbovePrice => "促销的底价高于其自身价格，永远达不到；请降低 `floor`".to_owned(),
        F::KindChanged => "促销改变了货币，或在秒杀价与其他种类之间改变；请另建促销".to_owned(),
    }
}

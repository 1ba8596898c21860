//! Limits. Everything in the market has one.

pub const VARIANTS_PER_OFFER_MAX: usize = 200;

/// Units of one variant that were ever granted and not taken away.
pub const STOCK_MAX: u32 = 1_000_000_000;

/// Lines of one cart or one reservation.
pub const CART_LINES_MAX: usize = 100;

/// Units of one order, over all lines.
pub const UNITS_PER_ORDER_MAX: u32 = 1_000;

/// Sellers of one order, each with one parcel.
pub const PARCELS_PER_ORDER_MAX: usize = 32;

pub const COUPONS_PER_ORDER_MAX: usize = 20;

pub const COUPONS_PER_COMMAND_MAX: usize = 1_000;

/// The longest time of a reservation.
pub const RESERVATION_MINUTES_MAX: u64 = 30;

/// Promotions that are not ended.
pub const PROMOTIONS_MAX: usize = 10_000;

/// Versions of one promotion.
pub const PROMOTION_VERSIONS_MAX: usize = 1_000;

/// Steps of a threshold, parts of a bundle, prices of a flash sale, and entries of each list of a
/// scope.
pub const PROMOTION_LIST_MAX: usize = 1_000;

/// The longest return window.
pub const RETURN_DAYS_MAX: u16 = 365;

/// Prices of a variant that are remembered.
pub const PRICES_REMEMBERED: usize = 200;

/// Days with deals of a variant that are remembered.
pub const DEAL_DAYS_REMEMBERED: usize = 8;

/// Refusals of a buyer that are remembered.
pub const REFUSALS_REMEMBERED: usize = 50;

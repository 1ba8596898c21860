//! What is found in the shop window: the offers that are listed, with their titles as they are
//! searched. It is in memory, follows the view of offers, and is made anew after a start.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use books::Sha256Digest;
use market::{CategoryId, OfferId};
use policy::{NormalisationStep as Step, StepSet};
use screening::Normaliser;
use views::read::{FilterOperator, ListQuery, ReadViewError, ViewFilter, ViewReader};
use views::{ViewSpec, ViewValue};

use crate::limits::SHOP_OFFERS_MAX;
use crate::listing_stores::ListingStores;

/// Offers without a text that are looked up again at once.
const LOOKED_UP_AGAIN_MAX: usize = 50;

struct ListedOffer {
    /// The batch with which it became so: the newest stand first.
    since: u64,
    category: CategoryId,
    content: Sha256Digest,
    /// As it is compared. `None` while its text is not kept.
    title: Option<String>,
    pictures: Vec<Sha256Digest>,
}

/// The offers that are listed, at a batch.
pub(super) struct Catalogue {
    batch: Option<u64>,
    offers: HashMap<OfferId, ListedOffer>,
    newest: BTreeSet<(Reverse<u64>, OfferId)>,
    without_text: BTreeSet<OfferId>,
    /// How many offers have it.
    pictures: HashMap<Sha256Digest, u32>,
    normaliser: Normaliser,
}

impl Catalogue {
    pub fn new() -> Catalogue {
        let steps = [Step::ZeroWidth, Step::Width, Step::Nfkc, Step::Case, Step::Traditional];
        Catalogue {
            batch: None,
            offers: HashMap::new(),
            newest: BTreeSet::new(),
            without_text: BTreeSet::new(),
            pictures: HashMap::new(),
            normaliser: Normaliser::of(StepSet::of(&steps)),
        }
    }

    /// Follows the views to where they are.
    pub fn follow(
        &mut self,
        reader: &mut ViewReader,
        stores: &ListingStores,
    ) -> Result<(), ReadViewError> {
        let written = reader.position()?.batch;
        if self.batch.is_some_and(|batch| batch > written) {
            // Other views.
            self.clear();
        }
        if self.batch != Some(written) {
            self.read_changes(reader, stores)?;
        }
        let again: Vec<OfferId> =
            self.without_text.iter().copied().take(LOOKED_UP_AGAIN_MAX).collect();
        for offer in again {
            let Some(listed) = self.offers.get(&offer) else { continue };
            let (since, category, content) = (listed.since, listed.category, listed.content);
            self.add(offer, (since, category, content), stores);
        }
        Ok(())
    }

    fn clear(&mut self) {
        (self.batch, self.offers, self.pictures) = Default::default();
        (self.newest, self.without_text) = Default::default();
    }

    fn read_changes(
        &mut self,
        reader: &mut ViewReader,
        stores: &ListingStores,
    ) -> Result<(), ReadViewError> {
        let Some(view) = ViewSpec::find("offers") else { return Ok(()) };
        let (column, operator) = match self.batch {
            None => ("state", FilterOperator::Equal("listed".into())),
            Some(batch) => {
                let next = ViewValue::Number(batch.saturating_add(1).cast_signed());
                ("from_batch", FilterOperator::AtLeast(next))
            }
        };
        let filter = ViewFilter { column: column.to_owned(), operator };
        let query = ListQuery { filters: vec![filter], ..ListQuery::of(view) };
        let columns = ["offer", "from_batch", "state", "category", "content"];
        let places = columns.map(|name| view.place(name).unwrap_or_default());
        let mut rows = Vec::new();
        let position = reader.export(&query, &mut |row| {
            let [offer, since, state, category, content] = places.map(|place| &row[place]);
            if let (
                ViewValue::Number(offer),
                ViewValue::Number(since),
                ViewValue::Text(state),
                ViewValue::Number(category),
                ViewValue::Text(content),
            ) = (offer, since, state, category, content)
            {
                let number = |value: &i64| value.cast_unsigned();
                let content: Option<Sha256Digest> = content.parse().ok();
                let listed = content.filter(|_| state.as_ref() == "listed");
                let of = (number(since), CategoryId(number(category)));
                rows.push((OfferId(number(offer)), of, listed));
            }
            ControlFlow::Continue(())
        })?;
        for (offer, (since, category), listed) in rows {
            self.remove(offer);
            if let Some(content) = listed
                && self.offers.len() < SHOP_OFFERS_MAX
            {
                self.add(offer, (since, category, content), stores);
            }
        }
        self.batch = Some(position.batch);
        Ok(())
    }

    fn add(
        &mut self,
        offer: OfferId,
        (since, category, content): (u64, CategoryId, Sha256Digest),
        stores: &ListingStores,
    ) {
        // What cannot be read now is looked up again.
        let text = stores.with(|store| store.get(content)).ok().flatten();
        let title = text.as_ref().map(|text| self.compared(&text.title));
        match title {
            Some(_) => self.without_text.remove(&offer),
            None => self.without_text.insert(offer),
        };
        let pictures = text.map(|text| text.pictures).unwrap_or_default();
        for picture in &pictures {
            *self.pictures.entry(*picture).or_default() += 1;
        }
        self.newest.insert((Reverse(since), offer));
        let listed = ListedOffer { since, category, content, title, pictures };
        self.offers.insert(offer, listed);
    }

    fn remove(&mut self, offer: OfferId) {
        let Some(listed) = self.offers.remove(&offer) else { return };
        self.newest.remove(&(Reverse(listed.since), offer));
        self.without_text.remove(&offer);
        for picture in listed.pictures {
            if let Some(count) = self.pictures.get_mut(&picture) {
                *count -= 1;
                if *count == 0 {
                    self.pictures.remove(&picture);
                }
            }
        }
    }

    fn compared(&self, text: &str) -> String {
        self.normaliser.normalise(text).text()
    }

    pub fn has_picture(&self, picture: Sha256Digest) -> bool {
        self.pictures.contains_key(&picture)
    }

    /// Categories that have offers with a text, in rising order.
    pub fn categories(&self) -> BTreeMap<CategoryId, usize> {
        let mut found = BTreeMap::new();
        for listed in self.offers.values().filter(|listed| listed.title.is_some()) {
            *found.entry(listed.category).or_default() += 1;
        }
        found
    }

    /// Offers whose title has each word of a text, the newest first: how many there are, and a
    /// part of them.
    pub fn find(
        &self,
        text: &str,
        category: Option<CategoryId>,
        (skipped, most): (usize, usize),
    ) -> (usize, Vec<OfferId>) {
        let text = self.compared(text);
        let words: Vec<&str> = text.split_whitespace().collect();
        let fits = |offer: &OfferId| {
            let listed = &self.offers[offer];
            let title = listed.title.as_deref();
            category.is_none_or(|wanted| wanted == listed.category)
                && title.is_some_and(|title| words.iter().all(|word| title.contains(word)))
        };
        let all = self.newest.iter().map(|(_, offer)| *offer).filter(fits);
        let (mut count, mut found) = (0, Vec::new());
        for offer in all {
            if count >= skipped && found.len() < most {
                found.push(offer);
            }
            count += 1;
        }
        (count, found)
    }
}

//! A list that cannot be empty.

/// A list with at least one item. An empty "any" would match no request, and an empty "all" every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonEmpty<T> {
    first: T,
    rest: Vec<T>,
}

impl<T> NonEmpty<T> {
    /// A list of the items; `None` if there are none.
    pub fn new(items: impl IntoIterator<Item = T>) -> Option<Self> {
        let mut items = items.into_iter();
        Some(Self { first: items.next()?, rest: items.collect() })
    }

    /// A list of one item.
    pub fn one(item: T) -> Self {
        Self { first: item, rest: Vec::new() }
    }

    /// A list with each item converted.
    pub fn map<U>(&self, make: impl Fn(&T) -> U) -> NonEmpty<U> {
        NonEmpty { first: make(&self.first), rest: self.rest.iter().map(&make).collect() }
    }

    /// Appends an item.
    pub fn push(&mut self, item: T) {
        self.rest.push(item);
    }

    /// Appends several items.
    pub fn extend(&mut self, items: impl IntoIterator<Item = T>) {
        self.rest.extend(items);
    }

    /// The item at this index.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.iter().nth(index)
    }

    /// The first item.
    pub fn first(&self) -> &T {
        &self.first
    }

    /// The number of items.
    pub fn count(&self) -> usize {
        self.rest.len() + 1
    }

    /// Every item, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

impl<T: PartialEq> NonEmpty<T> {
    /// Whether the list contains the item.
    pub fn contains(&self, item: &T) -> bool {
        self.iter().any(|known| known == item)
    }
}

//! Rooms share few distinct tag sets: each set is held once, and a room names it by an index. A
//! filter is then decided once for each set, with integers.

use std::sync::Arc;

use hashbrown::HashMap;

/// One distinct set of tags. Index 0 is the empty set, always there. Below 2^31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct TagSetIndex(pub(crate) u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct TagIndex(u32);

/// The tags of a room, sorted by name.
pub(crate) type TagNames = Arc<[Box<str>]>;

#[derive(Debug)]
struct TagSet {
    names: TagNames,
    /// Sorted, so that a filter can be looked up in it.
    tags: Box<[TagIndex]>,
    rooms: u32,
}

/// All distinct tag sets in use, and the tags in them.
#[derive(Debug)]
pub(crate) struct TagSets {
    tags: HashMap<Box<str>, (TagIndex, u32)>,
    free_tags: Vec<TagIndex>,
    next_tag: u32,
    sets: Vec<TagSet>,
    by_names: HashMap<TagNames, TagSetIndex>,
    free_sets: Vec<TagSetIndex>,
}

impl TagSets {
    pub(crate) fn new() -> Self {
        let empty = TagSet { names: Arc::new([]), tags: Box::new([]), rooms: 0 };
        Self {
            tags: HashMap::new(),
            free_tags: Vec::new(),
            next_tag: 0,
            by_names: HashMap::new(),
            sets: vec![empty],
            free_sets: Vec::new(),
        }
    }

    /// The index of a tag that some room has.
    pub(crate) fn tag(&self, name: &str) -> Option<TagIndex> {
        self.tags.get(name).map(|(tag, _)| *tag)
    }

    pub(crate) fn names(&self, set: TagSetIndex) -> &TagNames {
        &self.sets[set.0 as usize].names
    }

    pub(crate) fn contains_all(&self, set: TagSetIndex, wanted: &[TagIndex]) -> bool {
        let tags = &self.sets[set.0 as usize].tags;
        wanted.iter().all(|tag| tags.binary_search(tag).is_ok())
    }

    pub(crate) fn contains_any(&self, set: TagSetIndex, tags: &[TagIndex]) -> bool {
        let of_set = &self.sets[set.0 as usize].tags;
        tags.iter().any(|tag| of_set.binary_search(tag).is_ok())
    }

    /// The set of these names for one more room. Names must be sorted and distinct.
    pub(crate) fn acquire(&mut self, names: &[Box<str>]) -> TagSetIndex {
        if names.is_empty() {
            return TagSetIndex::default();
        }
        if let Some(index) = self.by_names.get(names).copied() {
            self.sets[index.0 as usize].rooms += 1;
            return index;
        }
        let mut tags: Box<[TagIndex]> = names.iter().map(|name| self.acquire_tag(name)).collect();
        tags.sort_unstable();
        let set = TagSet { names: names.into(), tags, rooms: 1 };
        let names = set.names.clone();
        let index = match self.free_sets.pop() {
            Some(index) => {
                self.sets[index.0 as usize] = set;
                index
            }
            None => {
                // 2^31 sets of some hundred bytes each do not fit into a machine of today.
                let index = u32::try_from(self.sets.len()).expect("fewer than 2^31 tag sets");
                self.sets.push(set);
                TagSetIndex(index)
            }
        };
        self.by_names.insert(names, index);
        index
    }

    /// One room less has this set.
    pub(crate) fn release(&mut self, index: TagSetIndex) {
        if index == TagSetIndex::default() {
            return;
        }
        let set = &mut self.sets[index.0 as usize];
        set.rooms -= 1;
        if set.rooms > 0 {
            return;
        }
        let names = std::mem::replace(&mut set.names, Arc::new([]));
        set.tags = Box::new([]);
        self.by_names.remove(&names);
        self.free_sets.push(index);
        for name in names.iter() {
            self.release_tag(name);
        }
    }

    fn acquire_tag(&mut self, name: &str) -> TagIndex {
        if let Some((tag, sets)) = self.tags.get_mut(name) {
            *sets += 1;
            return *tag;
        }
        let tag = self.free_tags.pop().unwrap_or_else(|| {
            self.next_tag += 1;
            TagIndex(self.next_tag)
        });
        self.tags.insert(name.into(), (tag, 1));
        tag
    }

    fn release_tag(&mut self, name: &str) {
        let Some((tag, sets)) = self.tags.get_mut(name) else { return };
        *sets -= 1;
        if *sets == 0 {
            self.free_tags.push(*tag);
            self.tags.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<Box<str>> {
        names.iter().map(|name| (*name).into()).collect()
    }

    #[test]
    fn a_set_no_room_has_leaves_nothing_behind() {
        let mut sets = TagSets::new();
        let both = sets.acquire(&names(&["a", "b"]));
        assert_eq!(sets.acquire(&names(&["a", "b"])), both);
        let one = sets.acquire(&names(&["b"]));
        let (a, b) = (sets.tag("a").unwrap(), sets.tag("b").unwrap());
        assert!(sets.contains_all(both, &[a, b]) && !sets.contains_all(one, &[a, b]));
        sets.release(both);
        assert!(sets.tag("a").is_some());
        sets.release(both);
        assert_eq!((sets.tag("a"), sets.tag("b")), (None, Some(b)));
        let next = sets.acquire(&names(&["c"]));
        assert_eq!(next, both, "the freed place is used again");
        assert!(sets.contains_all(next, &[sets.tag("c").unwrap()]));
        assert!(!sets.contains_all(next, &[b]));
    }
}

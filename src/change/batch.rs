//! Changes in batches: what to do after each response, until everything is changed or refused. Pure.
//!
//! A batch is changed completely or not at all. If it is refused, it is halved until the refused item is found; if the server
//! does not support batches, the items are sent one by one.

/// The response to a batch, as far as the next step depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Response<R> {
    /// All of it is changed.
    Done,
    /// Nothing was changed yet; the same batch may be sent again.
    Again(R),
    /// The server does not accept batches, or reports more about a single item.
    OneByOne(R),
    /// One of the items is refused.
    OneRefused(R),
    /// The whole run must stop.
    Stop(R),
}

/// The next step after a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BatchStep<T, R> {
    /// These items are changed.
    Done(Vec<T>),
    /// Wait before the next batch; these items will be sent again.
    Wait(Vec<T>, R),
    /// Continue with the next batch.
    Continue,
    /// This item is refused.
    Refused(T, R),
    /// Stop. The first item of the batch is named in the error.
    Stop(T, R),
}

/// The batches that are left.
#[derive(Debug, Clone)]
pub(crate) struct Batches<T> {
    left: Vec<Vec<T>>,
    is_one_by_one: bool,
}

impl<T: Clone> Batches<T> {
    /// Batches of at most `size` items, in order.
    pub(crate) fn new(items: &[T], size: usize, is_one_by_one: bool) -> Self {
        Self { left: items.chunks(size.max(1)).rev().map(<[T]>::to_vec).collect(), is_one_by_one }
    }

    /// Whether items are sent one by one from now on.
    pub(crate) const fn is_one_by_one(&self) -> bool {
        self.is_one_by_one
    }

    /// The next batch, of the items that are still due.
    pub(crate) fn next(&mut self, is_due: impl Fn(&T) -> bool) -> Option<Vec<T>> {
        while let Some(batch) = self.left.pop() {
            let mut due = batch.into_iter().filter(&is_due);
            let Some(first) = due.next() else { continue };
            let rest: Vec<T> = due.collect();
            if self.is_one_by_one {
                self.left.extend(rest.into_iter().rev().map(|item| vec![item]));
                return Some(vec![first]);
            }
            return Some([first].into_iter().chain(rest).collect());
        }
        None
    }

    /// Sends an item again.
    pub(crate) fn again(&mut self, item: T) {
        self.left.push(vec![item]);
    }

    /// Decides after the response to a batch that [`Batches::next`] returned.
    pub(crate) fn after<R>(&mut self, mut batch: Vec<T>, response: Response<R>) -> BatchStep<T, R> {
        match response {
            Response::Done => BatchStep::Done(batch),
            Response::Again(why) => {
                self.left.push(batch.clone());
                BatchStep::Wait(batch, why)
            }
            Response::OneByOne(_) if !self.is_one_by_one => {
                self.is_one_by_one = true;
                self.left.push(batch);
                BatchStep::Continue
            }
            Response::OneRefused(_) if batch.len() > 1 => {
                let second = batch.split_off(batch.len() / 2);
                self.left.extend([second, batch]);
                BatchStep::Continue
            }
            Response::OneRefused(why) => BatchStep::Refused(batch.swap_remove(0), why),
            Response::OneByOne(why) | Response::Stop(why) => BatchStep::Stop(batch.swap_remove(0), why),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_response_has_one_step() {
        type Case = (Vec<u8>, Response<&'static str>, BatchStep<u8, &'static str>, Vec<Vec<u8>>);
        let cases: [Case; 8] = [
            (vec![1, 2], Response::Done, BatchStep::Done(vec![1, 2]), vec![]),
            (vec![1, 2], Response::Again("busy"), BatchStep::Wait(vec![1, 2], "busy"), vec![vec![1, 2]]),
            (vec![1, 2, 3], Response::OneRefused("rule"), BatchStep::Continue, vec![vec![1], vec![2, 3]]),
            (vec![1], Response::OneRefused("rule"), BatchStep::Refused(1, "rule"), vec![]),
            (vec![1, 2], Response::OneByOne("old"), BatchStep::Continue, vec![vec![1], vec![2]]),
            (vec![1], Response::OneByOne("old"), BatchStep::Continue, vec![vec![1]]),
            (vec![1, 2], Response::Stop("moved"), BatchStep::Stop(1, "moved"), vec![]),
            (vec![1], Response::Stop("moved"), BatchStep::Stop(1, "moved"), vec![]),
        ];
        for (items, response, expected, left) in cases {
            let mut batches = Batches::new(&items, 50, false);
            let batch = batches.next(|_| true).expect("a batch");
            assert_eq!(batches.after(batch, response.clone()), expected, "{response:?}");
            let rest: Vec<Vec<u8>> = std::iter::from_fn(|| batches.next(|_| true)).collect();
            assert_eq!(rest, left, "{response:?}");
        }
        let mut alone = Batches::new(&[1, 2], 50, true);
        let first = alone.next(|_| true).expect("a batch");
        assert_eq!(alone.after(first, Response::OneByOne("forbidden")), BatchStep::Stop(1, "forbidden"));
    }

    #[test]
    fn what_is_no_longer_due_is_not_sent() {
        let mut batches = Batches::new(&[1, 2, 3, 4, 5], 2, false);
        assert_eq!(batches.next(|item| *item > 3), Some(vec![4]));
        assert_eq!(batches.next(|item| *item > 5), None);
        batches.again(9);
        assert_eq!(batches.next(|_| true), Some(vec![9]));
    }

    proptest! {
        /// Whatever is refused, every item is changed or refused exactly once, in order.
        #[test]
        fn every_item_is_settled_once(
            count in 0_usize..60,
            size in 1_usize..9,
            refused in proptest::collection::btree_set(0_usize..60, 0..20),
            supports_batches in any::<bool>(),
        ) {
            let items: Vec<usize> = (0..count).collect();
            let mut batches = Batches::new(&items, size, false);
            let mut settled = Vec::new();
            for _ in 0..1000 {
                let Some(batch) = batches.next(|_| true) else { break };
                let response = if batch.len() > 1 && !supports_batches {
                    Response::OneByOne(())
                } else if batch.iter().any(|item| refused.contains(item)) {
                    Response::OneRefused(())
                } else {
                    Response::Done
                };
                match batches.after(batch, response) {
                    BatchStep::Done(done) => {
                        prop_assert!(done.iter().all(|item| !refused.contains(item)));
                        settled.extend(done);
                    }
                    BatchStep::Refused(item, ()) => {
                        prop_assert!(refused.contains(&item));
                        settled.push(item);
                    }
                    BatchStep::Continue => {}
                    BatchStep::Wait(..) | BatchStep::Stop(..) => prop_assert!(false, "no such response was given"),
                }
            }
            prop_assert_eq!(settled, items);
        }
    }
}

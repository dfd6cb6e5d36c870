//! Which columns of a list are shown, and how wide they are. Pure.

use crate::commands::top::rows::Shrink;
use crate::commands::top::rows::TopColumn;

/// The space between two columns.
pub(super) const GAP: usize = 2;

/// A shortened column is at least this wide.
const SHORTEST: usize = 10;

/// The indices of the columns that are shown, with their widths. `natural` has the width that each needs; those with 0 are
/// not shown.
pub(super) fn fit(columns: &[TopColumn], natural: &[usize], room: usize) -> Vec<(usize, usize)> {
    let mut shown: Vec<usize> = (0..columns.len()).filter(|index| natural[*index] > 0).collect();
    let least = |index: usize| match columns[index].shrink {
        Shrink::Never => natural[index],
        Shrink::Start | Shrink::End => natural[index].min(SHORTEST),
    };
    loop {
        let gaps = shown.len().saturating_sub(1) * GAP;
        let needed: usize = shown.iter().map(|index| least(*index)).sum::<usize>() + gaps;
        if needed <= room {
            let widths: Vec<_> = shown.iter().map(|index| (natural[*index], least(*index))).collect();
            return shown.into_iter().zip(level(&widths, room - gaps)).collect();
        }
        let last = shown.iter().copied().filter(|index| columns[*index].rank > 0).max_by_key(|it| columns[*it].rank);
        match last {
            Some(last) => shown.retain(|index| *index != last),
            None => {
                let widths: Vec<_> = shown.iter().map(|index| (least(*index), 1)).collect();
                return shown.into_iter().zip(level(&widths, room.saturating_sub(gaps))).collect();
            }
        }
    }
}

/// Takes from the widest until the sum fits; none gets smaller than its least width.
fn level(widths: &[(usize, usize)], room: usize) -> Vec<usize> {
    let mut result: Vec<usize> = widths.iter().map(|(natural, _)| *natural).collect();
    while result.iter().sum::<usize>() > room {
        let widest = (0..result.len()).filter(|index| result[*index] > widths[*index].1).max_by_key(|it| result[*it]);
        let Some(widest) = widest else { break };
        result[widest] -= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::commands::top::model::TopTab;
    use crate::commands::top::rows::columns;

    fn titles(tab: TopTab, natural: &[usize], room: usize) -> Vec<(&'static str, usize)> {
        let columns = columns(tab);
        fit(columns, natural, room).into_iter().map(|(index, width)| (columns[index].title, width)).collect()
    }

    #[test]
    fn columns_become_narrower_and_then_fewer() {
        let natural = [0, 6, 9, 7, 60, 8, 6, 50];
        let all = titles(TopTab::Tasks, &natural, 200);
        assert_eq!(all.iter().map(|(_, width)| width).sum::<usize>(), 146);
        let some = titles(TopTab::Tasks, &natural, 100);
        assert_eq!(
            some,
            [("ID", 6), ("STATUS", 9), ("QUEUE", 7), ("TASK", 26), ("ATTEMPTS", 8), ("AGE", 6), ("NOTE", 26)]
        );
        assert_eq!(titles(TopTab::Tasks, &natural, 40), [("ID", 6), ("STATUS", 9), ("TASK", 21)]);
        assert_eq!(titles(TopTab::Tasks, &natural, 12), [("ID", 3), ("STATUS", 3), ("TASK", 2)]);
    }

    proptest! {
        #[test]
        fn the_columns_fit(tab in 0_usize..5, natural in proptest::collection::vec(0_usize..80, 9), room in 12_usize..200) {
            let columns = columns(TopTab::ALL[tab]);
            let shown = fit(columns, &natural[..columns.len()], room);
            let sum = shown.iter().map(|(_, width)| width).sum::<usize>() + shown.len().saturating_sub(1) * GAP;
            prop_assert!(sum <= room, "{sum} of {room}: {shown:?}");
            for (index, width) in shown {
                prop_assert!(width >= 1 && width <= natural[index]);
            }
        }
    }
}

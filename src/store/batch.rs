//! Rows in batches of a few fixed sizes, so that a statement of each size is prepared once and not
//! for every number of rows that happens to come.

/// Rows of one statement, the largest first: PostgreSQL takes at most 65,535 values, SQLite 32,766,
/// and no table that is written in batches has more than 40 columns.
const SIZES: [usize; 5] = [512, 128, 32, 8, 1];

/// Cuts `rows` into as few batches as the sizes allow.
pub(super) fn batches<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rows.len())?;
        let (batch, rest) = rows.split_at(size);
        rows = rest;
        Some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_batch_and_sizes_are_few() {
        let rows: Vec<usize> = (0..1000).collect();
        let cut: Vec<&[usize]> = batches(&rows).collect();
        assert_eq!(cut.concat(), rows);
        assert!(cut.iter().all(|batch| SIZES.contains(&batch.len())));
        assert_eq!(cut.len(), 1 + 3 + 3 + 1);
        assert_eq!(batches::<u8>(&[]).count(), 0);
    }
}

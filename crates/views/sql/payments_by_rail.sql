SELECT first.rail_kind, first.rail, now.state, COUNT(*) AS payments,
    CAST(SUM(now.amount) AS BIGINT) AS amount, CAST(SUM(now.deducted) AS BIGINT) AS deducted
FROM payments AS first
JOIN payments AS now ON now.parcel = first.parcel AND now.payment = first.payment
    AND now.from_batch <= $1 AND now.until_batch > $1
WHERE first.from_batch >= $2 AND first.from_batch <= $1 AND first.rail IS NOT NULL
    AND NOT EXISTS (
        SELECT 1 FROM payments AS earlier
        WHERE earlier.parcel = first.parcel AND earlier.payment = first.payment
            AND earlier.from_batch < first.from_batch
    )
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3

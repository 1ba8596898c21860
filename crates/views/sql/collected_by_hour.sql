SELECT (commands.at + $1) / 3600000 AS hour, payments.method, parcels.currency, COUNT(*) AS payments,
    CAST(SUM(payments.amount) AS BIGINT) AS amount
FROM payments
JOIN commands ON commands.batch = payments.from_batch AND commands.command = 1
JOIN parcels ON parcels.parcel = payments.parcel
    AND parcels.from_batch <= $2 AND parcels.until_batch > $2
WHERE payments.from_batch >= $3 AND payments.from_batch <= $2
    AND payments.state IN ('approved', 'held')
    AND NOT EXISTS (
        SELECT 1 FROM payments AS earlier
        WHERE earlier.parcel = payments.parcel AND earlier.payment = payments.payment
            AND earlier.from_batch < payments.from_batch AND earlier.state IN ('approved', 'held')
    )
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3

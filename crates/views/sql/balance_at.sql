SELECT balance FROM (
    SELECT * FROM (
        SELECT posting, debit_balance AS balance FROM postings
        WHERE debit = $1 AND batch <= $2 ORDER BY batch DESC, posting DESC LIMIT 1
    ) AS debits
    UNION ALL
    SELECT * FROM (
        SELECT posting, credit_balance AS balance FROM postings
        WHERE credit = $1 AND batch <= $2 ORDER BY batch DESC, posting DESC LIMIT 1
    ) AS credits
) AS last
ORDER BY posting DESC LIMIT 1

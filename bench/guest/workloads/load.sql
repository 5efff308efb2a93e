PRAGMA journal_mode = OFF;
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, amount INTEGER, note TEXT);
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 40000)
INSERT INTO orders SELECT n, n * 7919 % 1009, n * 104729 % 10007, printf('order %d of %x', n, n * 31) FROM numbers;
CREATE INDEX by_customer ON orders (customer, amount);
SELECT customer, count(*), sum(amount), max(note) FROM orders GROUP BY customer ORDER BY 3 DESC LIMIT 20;
SELECT count(*) FROM orders WHERE note LIKE '%9a%';
UPDATE orders SET amount = amount + 1 WHERE customer % 3 = 0;
SELECT a.customer, count(*) FROM orders a JOIN orders b ON a.customer = b.customer AND a.amount < b.amount
WHERE a.customer < 40 GROUP BY a.customer ORDER BY 2, 1 LIMIT 10;
DELETE FROM orders WHERE amount % 5 = 0;
SELECT count(*), sum(amount), min(note) FROM orders;

# Counts words with regular expressions and hashes.
use strict;
use warnings;
my (%count, %follows);
open my $text, '<', '/work/text' or die "Cannot open the text: $!";
while (my $line = <$text>) {
    last if $. > 8000;
    my $last = '';
    for my $word ($line =~ /\b([a-z]+)\b/g) {
        $count{$word}++;
        $follows{"$last $word"}++ if $last =~ /^[tnsh].*[aeo]$/;
        ($last = $word) =~ s/(.)\1/$1/g;
    }
}
my @frequent = (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 30];
printf "%s %d\n", $_, $count{$_} for @frequent;
printf "%d words, %d pairs\n", scalar keys %count, scalar keys %follows;

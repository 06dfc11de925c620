namespace Taishang.Ai.Embeddings;

/// <summary>
/// The sublinear weight of a count, 1 + ln(count), as an integer of 1/64 units. The logarithm is summed up from
/// additions and divisions, which IEEE 754 rounds alike everywhere; the C library's logarithm may differ in its last
/// bit from machine to machine.
/// </summary>
internal static class TermFrequency
{
    /// <summary>Units of a weight of 1.</summary>
    public const int UnitsPerOne = 64;

    private const int TableSize = 4096;
    private static readonly int[] Units = BuildTable();

    /// <summary>The weight of <paramref name="count"/> appearances, which is at least 1.</summary>
    public static int UnitsOf(int count) => Units[Math.Min(count, TableSize - 1)];

    private static int[] BuildTable()
    {
        int[] units = new int[TableSize];
        double logarithm = 0;
        for (int count = 1; count < TableSize; count++)
        {
            if (count > 1) logarithm += LogOfRatio(count, count - 1);
            units[count] = (int)Math.Round((1 + logarithm) * UnitsPerOne);
        }
        return units;
    }

    // ln(a/b) = 2 artanh((a-b)/(a+b)); with neighbours as a and b the series ends after a few terms.
    private static double LogOfRatio(double a, double b)
    {
        double x = (a - b) / (a + b);
        double power = x;
        double sum = 0;
        for (int odd = 1; odd <= 39; odd += 2)
        {
            sum += power / odd;
            power *= x * x;
        }
        return 2 * sum;
    }
}

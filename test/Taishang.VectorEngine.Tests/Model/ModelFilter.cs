using Taishang.VectorEngine.Filtering;

namespace Taishang.VectorEngine.Tests.Model;

/// <summary>A filter, and the same question asked of the model's rows.</summary>
internal sealed record ModelFilter(string Json, Func<ModelRow, bool> Accepts)
{
    private static readonly string[] Colors = ["red", "green", "blue"];

    public MetadataFilter Filter { get; } = Rows.Filter(Json);

    public static ModelFilter Random(Random random)
    {
        var low = random.Next(-5, 105);
        var color = ColorOf(random);
        return random.Next(8) switch
        {
            0 => new($"{{\"n\":{{\"$lt\":{low}}}}}", row => row.Number < low),
            1 => new($"{{\"n\":{{\"$gte\":{low}}},\"c\":\"{color}\"}}", row => row.Number >= low && row.Color == color),
            2 => new($"{{\"c\":\"{color}\"}}", row => row.Color == color),
            3 => new($"{{\"c\":{{\"$ne\":\"{color}\"}}}}", row => row.Color != color),
            4 => new(
                $"{{\"$or\":[{{\"c\":\"{color}\"}},{{\"n\":{{\"$in\":[{low},{low + 1}]}}}}]}}",
                row => row.Color == color || row.Number == low || row.Number == low + 1),
            5 => new("{\"n\":{\"$exists\":false}}", row => row.Number is null),
            6 => new($"{{\"t\":{{\"$contains\":\"t{low % 7}\"}}}}", row => row.Number % 7 == low % 7),
            _ => new($"{{\"$not\":{{\"n\":{{\"$gt\":{low}}}}}}}", row => !(row.Number > low)),
        };
    }

    public static string ColorOf(Random random) => Colors[random.Next(Colors.Length)];
}

/// <summary>What the model holds of a row. A row without a number has no metadata at all.</summary>
internal sealed record ModelRow(float[] Vector, int? Number, string? Color, DateTimeOffset? ExpiresAt)
{
    public string Json =>
        Number is null ? "" : $"{{\"n\":{Number},\"c\":\"{Color}\",\"t\":[\"x\",\"t{Number % 7}\"]}}";
}

using System.Text.Json;

namespace Taishang.Core.Models;

/// <summary>What a version costs, as its config says: by the call, or by a thousand tokens in and out.</summary>
/// <param name="Currency">Three capital letters.</param>
/// <param name="PerCall">Of each call; null where tokens are paid for.</param>
/// <param name="InputPer1k">Of a thousand tokens in.</param>
/// <param name="OutputPer1k">Of a thousand tokens out.</param>
public sealed record ModelPrice(string Currency, decimal? PerCall, decimal InputPer1k, decimal OutputPer1k)
{
    private const int TokensOfPrice = 1_000;

    public decimal CostOf(long inputTokens, long outputTokens, int calls) =>
        PerCall is { } price
            ? price * calls
            : ((InputPer1k * inputTokens) + (OutputPer1k * outputTokens)) / TokensOfPrice;

    /// <summary>null where a config names no price. The schema of configs has checked it.</summary>
    internal static ModelPrice? Of(string config)
    {
        using var document = JsonDocument.Parse(config);
        if (!document.RootElement.TryGetProperty("price", out var price) || price.ValueKind != JsonValueKind.Object)
            return null;
        var currency = price.TryGetProperty("currency", out var word) && word.ValueKind == JsonValueKind.String
            ? word.GetString() ?? "" : "";
        return new ModelPrice(
            currency, Number(price, "per_call"), Number(price, "input_per_1k") ?? 0,
            Number(price, "output_per_1k") ?? 0);
    }

    private static decimal? Number(JsonElement price, string name) =>
        price.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetDecimal(out var number) ? number : null;
}

namespace Taishang.Core.Gateway;

/// <summary>What a call is counted by.</summary>
/// <param name="Tenant">Of the caller.</param>
/// <param name="KeyId">Of the caller.</param>
/// <param name="ModelId">Of a route: the target that is to be tried first.</param>
/// <param name="ModelReference"><c>provider/name</c>.</param>
/// <param name="Version">Of the model.</param>
/// <param name="Route">Its name; null where a model was called directly.</param>
/// <param name="Currency">Of the model's price; null where it has none.</param>
internal sealed record CallScope(
    string Tenant, string KeyId, string ModelId, string ModelReference, string Version, string? Route,
    string? Currency);

/// <summary>The most that a call can use, before it is made.</summary>
/// <param name="InputTokens">A token is at least a byte of text.</param>
/// <param name="OutputTokensMax">0 for embeddings and inference.</param>
/// <param name="Costs">In each currency, by the dearest model that may serve; empty where none has a price.</param>
internal readonly record struct CallEstimate(
    long InputTokens, long OutputTokensMax, IReadOnlyList<CostAnswer> Costs)
{
    /// <summary>null where no model that may serve has a price in it.</summary>
    public decimal? CostIn(string? currency)
    {
        for (var i = 0; i < Costs.Count; i++)
        {
            if (Costs[i].Currency == currency) return Costs[i].Amount;
        }

        return null;
    }
}

/// <summary>What a call has used.</summary>
/// <param name="InputTokens">That were paid for: what a cache knew is not among them.</param>
/// <param name="OutputTokens">As the model counted them.</param>
/// <param name="Cost">null where the model has no price.</param>
/// <param name="ServedModelReference"><c>provider/name</c> of whichever target answered.</param>
/// <param name="Version">Of that model.</param>
/// <param name="Cached">No model was called.</param>
/// <param name="Currency">Of the cost; null where there is none.</param>
internal sealed record CallUsage(
    long InputTokens, long OutputTokens, decimal? Cost, string ServedModelReference, string Version, bool Cached,
    string? Currency);

using Taishang.Core.Api;

namespace Taishang.Core.Models;

/// <summary>Text that people write about models.</summary>
internal static class ModelText
{
    /// <summary>null passes.</summary>
    public static void Check(FieldErrors errors, string field, string? text, int max)
    {
        if (text is null) return;
        if (string.IsNullOrWhiteSpace(text) || text.Length > max)
            errors.Add(
                ErrorCodes.ModelInvalid, field,
                $"expected 1 to {max} characters that are not all blank, came {text.Length}");
        // No text column of PostgreSQL takes it.
        else if (text.Contains('\0', StringComparison.Ordinal))
            errors.Add(ErrorCodes.ModelInvalid, field, "the character U+0000 is not taken");
    }
}

using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Taishang.Core.Api;

/// <summary>The common parameters of every list; what is not named here or by the entity is refused.</summary>
/// <param name="Page">From 1.</param>
/// <param name="PageSize">1–200, default 20; above is refused, never clamped.</param>
/// <param name="Sort">A field the entity allows, descending when the wire form starts with a minus.</param>
/// <param name="Filters">Values of the entity's filter fields that were given.</param>
public sealed record ListQuery(
    int Page, int PageSize, ListSort? Sort, IReadOnlyDictionary<string, string> Filters)
{
    public const int PageSizeMax = 200;
    public const int PageSizeDefault = 20;

    /// <summary>Deep pages cost the database what they skip; beyond this a filter finds the row faster.</summary>
    public const int PageMax = 1_000_000;

    public long Skip => (long)(Page - 1) * PageSize;

    /// <exception cref="ApiException">A parameter is unknown, repeated or out of range.</exception>
    public static ListQuery Read(IQueryCollection query, string[] filterFields, string[] sortFields)
    {
        var errors = new FieldErrors();
        var page = 1;
        var pageSize = PageSizeDefault;
        ListSort? sort = null;
        var filters = new Dictionary<string, string>();
        foreach (var (name, values) in query)
        {
            var value = values.Count == 1 ? values[0] ?? "" : null;
            if (value is null)
                errors.Add(ErrorCodes.InvalidPage, name, $"expected once, came {values.Count} times");
            else if (value.Contains('\0', StringComparison.Ordinal))
                errors.Add(ErrorCodes.InvalidArgument, name, "the character U+0000 is not taken");
            else if (name == "page")
                page = Number(errors, name, value, PageMax);
            else if (name == "page_size")
                pageSize = Number(errors, name, value, PageSizeMax);
            else if (name == "sort")
                sort = ReadSort(errors, value, sortFields);
            else if (filterFields.Contains(name))
                filters[name] = value;
            else
                errors.Add(ErrorCodes.UnknownField, name, $"expected page, page_size, sort{Named(filterFields)}");
        }

        errors.ThrowIfAny();
        return new ListQuery(page, pageSize, sort, filters);
    }

    public string? Filter(string name) => Filters.GetValueOrDefault(name);

    /// <summary>A filter that is a time; null when it was not given.</summary>
    /// <exception cref="ApiException">Not a time in RFC 3339 with its zone.</exception>
    public DateTimeOffset? Time(string name)
    {
        if (Filter(name) is not { } value) return null;
        // A time without its zone is a different moment for everyone who reads it.
        var zoned = value.Length > 10 && value.AsSpan(10).ContainsAny('Z', '+', '-');
        if (zoned && DateTimeOffset.TryParseExact(
            value, TimeFormats, null, DateTimeStyles.AdjustToUniversal, out var time)) return time;
        var why = $"expected a time in RFC 3339, such as 2026-01-31T08:00:00Z, came '{Cut(value)}'";
        throw new ApiException(ErrorCodes.InvalidArgument, $"{name}: {why}",
            [new FieldError(name, ErrorCodes.InvalidArgument.Number, why)]);
    }

    /// <summary>A filter that is one of a few words; null when it was not given.</summary>
    /// <exception cref="ApiException">Another word.</exception>
    public string? OneOf(string name, params ReadOnlySpan<string> words)
    {
        if (Filter(name) is not { } value || words.Contains(value)) return Filter(name);
        var why = $"expected one of {string.Join(", ", words!)}, came '{Cut(value)}'";
        throw new ApiException(ErrorCodes.InvalidArgument, $"{name}: {why}",
            [new FieldError(name, ErrorCodes.InvalidArgument.Number, why)]);
    }

    private static readonly string[] TimeFormats =
        ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    private static int Number(FieldErrors errors, string name, string value, int max)
    {
        if (int.TryParse(value, NumberStyles.None, null, out var number) && number >= 1 && number <= max) return number;
        errors.Add(ErrorCodes.InvalidPage, name, $"expected a whole number from 1 to {max}, came '{Cut(value)}'");
        return 1;
    }

    private static ListSort? ReadSort(FieldErrors errors, string value, string[] sortFields)
    {
        var descending = value.StartsWith('-');
        var field = descending ? value[1..] : value;
        if (sortFields.Contains(field)) return new ListSort(field, descending);
        errors.Add(ErrorCodes.InvalidPage, "sort", $"expected one of {string.Join(", ", sortFields)}"
            + $" with an optional minus, came '{Cut(value)}'");
        return null;
    }

    private static string Named(string[] fields) => fields.Length == 0 ? "" : ", " + string.Join(", ", fields);

    private static string Cut(string value) => value.Length <= 40 ? value : value[..40] + "…";
}

/// <param name="Field">An allowed field, never text of the caller's.</param>
/// <param name="Descending">Largest first.</param>
public sealed record ListSort(string Field, bool Descending);

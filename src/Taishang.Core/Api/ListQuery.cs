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

    private static int Number(FieldErrors errors, string name, string value, int max)
    {
        if (int.TryParse(value, out var number) && number >= 1 && number <= max) return number;
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

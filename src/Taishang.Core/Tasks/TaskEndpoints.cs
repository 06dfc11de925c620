using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Taishang.Core.Api;
using Taishang.Core.Tasks.Schedules;
using Taishang.Core.Tasks.Watching;

namespace Taishang.Core.Tasks;

/// <summary>Routes of tasks.</summary>
internal static class TaskEndpoints
{
    private static readonly string[] FilterFields =
        ["type", "status", "parent_id", "priority", "created_from", "created_to", "label"];

    private static readonly string[] Statuses = ["pending", "running", "completed", "failed", "cancelled"];

    public static void MapTasks(this IEndpointRouteBuilder routes)
    {
        routes.MapSchedules();
        var group = routes.MapGroup("/api/taishang/tasks");
        group.MapGet("", ListAsync);
        group.MapPost("", CreateAsync).WithIdempotency();
        group.MapPost("/graph", TaskGraphEndpoint.CreateAsync).WithIdempotency();
        group.MapGet("/{id}", GetAsync);
        group.MapPut("/{id}", UpdateAsync);
        group.MapDelete("/{id}", DeleteAsync);
        group.MapPost("/{id}/start", Verb(TaskVerb.Start)).WithoutBody();
        group.MapPost("/{id}/stop", Verb(TaskVerb.Stop)).WithoutBody();
        group.MapPost("/{id}/cancel", Verb(TaskVerb.Cancel)).WithoutBody();
        group.MapPost("/{id}/retry", Verb(TaskVerb.Retry)).WithoutBody();
        group.MapGet("/{id}/events", EventsAsync);
        group.MapTaskWatching();
    }

    private static async Task<IResult> ListAsync(HttpContext context, TaskList list, CancellationToken cancellation)
    {
        var query = ListQuery.Read(context.Request.Query, FilterFields, TaskList.SortFields);
        var filter = ReadFilter(query);
        var sort = query.Sort ?? new ListSort("created_at", Descending: true);
        var (tasks, total) = await list.ReadAsync(
            filter, sort.Field, sort.Descending, (query.Skip, query.PageSize), cancellation);
        return Envelope.Page("tasks", tasks.Select(TaskView.Of).ToList(), total);
    }

    private static async Task<IResult> CreateAsync(
        HttpContext context, TaskStore store, TaskCreator creator, TaskExecutors executors, TaskTypes types,
        CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<TaskCreateRequest>(context, cancellation);
        await types.LookAsync(body.Type, cancellation);
        var task = TaskRequests.Check(body, executors) with { Id = context.Features.Get<ReservedRowId>()?.Id };
        if (task.ParentId is { } parent && await store.FindAsync(parent, cancellation) is null)
        {
            throw new ApiException(
                ErrorCodes.TaskNotFound, "parent_id: no such task",
                [new FieldError("parent_id", ErrorCodes.TaskNotFound.Number, "no such task")]);
        }

        var made = await creator.CreateAsync(task, cancellation);
        var view = await types.ViewAsync(made, cancellation);
        return made.WasLive ? Envelope.Ok(view) : Envelope.Created(view);
    }

    private static async Task<IResult> GetAsync(
        string id, TaskStore store, TaskStory story, TaskCostStore costs, TaskTypes types,
        CancellationToken cancellation)
    {
        var task = await store.GetAsync(id, cancellation);
        return Envelope.Ok(await types.ViewAsync(task, cancellation) with
        {
            Errors = await story.ReadAsync(task, cancellation),
            AttemptCosts = await costs.ReadAsync(task, cancellation),
        });
    }

    private static async Task<IResult> UpdateAsync(
        string id, HttpContext context, TaskStore store, TaskVerbs verbs, TaskExecutors executors, TaskTypes types,
        CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<TaskUpdateRequest>(context, cancellation);
        var task = await store.GetAsync(id, cancellation);
        await types.LookAsync(task.Type, cancellation);
        var change = TaskRequests.Check(body, task.Type, executors);
        return Envelope.Ok(TaskView.Of(await verbs.UpdateAsync(id, change, Actors.Api, cancellation)));
    }

    private static async Task<IResult> DeleteAsync(string id, TaskVerbs verbs, CancellationToken cancellation)
    {
        await verbs.DeleteAsync(id, cancellation);
        return Envelope.Done();
    }

    private static Func<string, TaskVerbs, CancellationToken, Task<IResult>> Verb(TaskVerb verb) =>
        async (id, verbs, cancellation) =>
            Envelope.Ok(new TaskStatusView(await verbs.DoAsync(id, verb, Actors.Api, cancellation)));

    private static async Task<IResult> EventsAsync(
        string id, HttpContext context, TaskStore store, CancellationToken cancellation)
    {
        var query = ListQuery.Read(context.Request.Query, [], ["created_at"]);
        var (events, total) = await store.EventsAsync(id, query, cancellation);
        return Envelope.Page("events", events.Select(TaskEventView.Of).ToList(), total);
    }

    private static TaskFilter ReadFilter(ListQuery query)
    {
        var errors = new FieldErrors();
        var (key, value) = ReadLabel(errors, query.Filter("label"));
        var status = query.Filter("status");
        if (status is not null && !Statuses.Contains(status))
            errors.Add(ErrorCodes.InvalidArgument, "status", $"expected one of {string.Join(", ", Statuses)}");
        var filter = new TaskFilter
        {
            Type = query.Filter("type"),
            Status = status,
            ParentId = query.Filter("parent_id"),
            Priority = ReadPriority(errors, query.Filter("priority")),
            CreatedFrom = ReadTime(errors, "created_from", query.Filter("created_from")),
            CreatedTo = ReadTime(errors, "created_to", query.Filter("created_to")),
            LabelKey = key,
            LabelValue = value,
        };
        foreach (var (name, text) in query.Filters)
        {
            // Such a text is in no row, and PostgreSQL refuses it.
            if (text.Contains('\0')) errors.Add(ErrorCodes.InvalidArgument, name, "expected a text without NUL");
        }

        errors.ThrowIfAny();
        return filter;
    }

    private static int? ReadPriority(FieldErrors errors, string? text)
    {
        if (text is null) return null;
        if (text is [>= '0' and <= '9' and var digit]) return digit - '0';
        errors.Add(ErrorCodes.InvalidArgument, "priority", "expected a whole number from 0 to 9");
        return null;
    }

    private static DateTimeOffset? ReadTime(FieldErrors errors, string field, string? text)
    {
        if (text is null) return null;
        var style = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, style, out var time) && time.Year > 1970)
            return time;
        errors.Add(ErrorCodes.InvalidArgument, field, "expected a time in RFC 3339, such as 2026-01-31T08:00:00Z");
        return null;
    }

    private static (string? Key, string? Value) ReadLabel(FieldErrors errors, string? text)
    {
        if (text is null) return (null, null);
        var colon = text.IndexOf(':');
        if (colon > 0 && TaskRequests.IsLabelKey(text[..colon])) return (text[..colon], text[(colon + 1)..]);
        errors.Add(ErrorCodes.InvalidArgument, "label", "expected key:value");
        return (null, null);
    }
}

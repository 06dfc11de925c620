namespace Taishang.Core.Tasks;

/// <summary>How a list is read, so that it reads about as many rows as its page shows.</summary>
internal enum TaskWalk
{
    /// <summary>By id, which is by the time of creation.</summary>
    Ids,

    /// <summary>By the index of last changes.</summary>
    Updates,

    /// <summary>By id among the tasks of one parent or one label.</summary>
    Owner,

    /// <summary>By id in each lane that fits, merged; one priority's after another's where that is the sort.</summary>
    Lanes,

    /// <summary>No index has the order: what fits is read and sorted, and refused when it is too much.</summary>
    Sorted,
}

/// <summary>Which walk answers what is asked.</summary>
internal static class TaskWalks
{
    public static TaskWalk Of(TaskFilter filter, string sortField)
    {
        var byCreation = sortField == "created_at";
        if (filter.HasOwner)
        {
            var one = filter.ParentId is null || filter.LabelKey is null;
            return byCreation && one && !filter.HasLane ? TaskWalk.Owner : TaskWalk.Sorted;
        }

        if (byCreation) return filter.HasLane ? TaskWalk.Lanes : TaskWalk.Ids;
        if (sortField == "priority") return TaskWalk.Lanes;
        return filter.HasLane || filter.HasRange ? TaskWalk.Sorted : TaskWalk.Updates;
    }
}
